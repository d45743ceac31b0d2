#include "common/http_server/server.h"
#include "tests/support/catch.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace rollcall::http_server;
using namespace std::chrono_literals;

namespace {

/// Sends bytes as they are and reads until the server closes.
class Wire {
 public:
  explicit Wire(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    std::memcpy(&generic, &address, sizeof generic);
    REQUIRE(::connect(socket_, &generic, sizeof generic) == 0);
  }
  ~Wire() { ::close(socket_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  void send(const std::string& bytes) const {
    REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
  }
  [[nodiscard]] std::string read_until(const std::string& mark) const {
    std::string all;
    char part[4096];
    while (mark.empty() || all.find(mark) == std::string::npos) {
      const auto got = ::recv(socket_, part, sizeof part, 0);
      if (got <= 0) break;
      all.append(part, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  int socket_;
};

void answer(const Request& request, const Respond& respond) {
  if (request.path() == "/throw") throw std::runtime_error("no");
  if (request.path() != "/drop")
    respond(
        {200, {{"Content-Type", "text/plain"}}, request.method + " " + request.target + " " + request.body});
}

std::string talk(const Options& options, const std::string& bytes) {
  const Server server(options, answer);
  const Wire wire(server.port());
  wire.send(bytes);
  return wire.read_until("");
}

const std::string last = "Connection: close\r\n\r\n";

}  // namespace

TEST_CASE("two requests on one connection, in order") {
  const auto text =
      talk({}, "GET /a?x=1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" +
                   last + "hi");
  CHECK(text.find("GET /a?x=1 ") < text.find("POST /b hi"));
  CHECK(text.ends_with("POST /b hi"));
}

TEST_CASE("limits are answered") {
  Options options;
  options.body_bytes_max = 10;
  options.header_bytes_max = 200;
  CHECK(
      talk(options, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n").starts_with("HTTP/1.1 413"));
  CHECK(talk(options, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n")
            .starts_with("HTTP/1.1 413"));
  CHECK(talk(options, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(300, 'x') + "\r\n\r\n")
            .starts_with("HTTP/1.1 431"));
  CHECK(talk(options, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
}

TEST_CASE("a slow request times out, an idle connection just ends") {
  Options options;
  options.read_timeout = options.idle_timeout = 100ms;
  CHECK(
      talk(options, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab").starts_with("HTTP/1.1 408"));
  const auto idle = talk(options, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(idle.find("408") == std::string::npos);
}

TEST_CASE("expect, no answer, a throwing handler") {
  const Server server({}, answer);
  const Wire wire(server.port());
  wire.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" + last);
  CHECK(wire.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  wire.send("ok");
  CHECK(wire.read_until("").ends_with("POST / ok"));
  CHECK(talk({}, "GET /drop HTTP/1.1\r\nHost: h\r\n\r\n").empty());
  CHECK(talk({}, "GET /throw HTTP/1.1\r\nHost: h\r\n" + last).starts_with("HTTP/1.1 500"));
}

TEST_CASE("an answer may come later, from any thread, even after the server has gone") {
  Respond kept;
  {
    std::atomic<Server*> timers = nullptr;
    Server server({}, [&](const Request& request, Respond respond) {
      if (request.path() == "/keep") return void(kept = std::move(respond));
      while (!timers)
        std::this_thread::yield();
      timers.load()->after(20ms, [respond] { respond({204, {}, ""}); });
    });
    timers = &server;
    const Wire wire(server.port());
    wire.send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(wire.read_until("\r\n\r\n").starts_with("HTTP/1.1 204"));
    wire.send("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    std::this_thread::sleep_for(50ms);
    server.after(1h, [] {});
  }
  kept({200, {}, ""});
}

TEST_CASE("decoding") {
  CHECK(percent_decode("a%20b+c%zz%4") == "a b+c%zz%4");
  CHECK(percent_decode("a+b", true) == "a b");
  CHECK(parse_query("$top=5&q=a%26b&flag") ==
        std::vector<std::pair<std::string, std::string>>{{"$top", "5"}, {"q", "a&b"}, {"flag", ""}});
}
