#include "common/core/percent.h"
#include "tests/unit/http_server/wire.h"

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace rollcall::http_server;
using namespace std::chrono_literals;

namespace {

void answer(const Request& request, const Respond& respond) {
  if (request.path() == "/throw") throw std::runtime_error("no");
  if (request.path() == "/answer-and-throw") respond({201, {}, ""});
  if (request.path() == "/answer-and-throw") throw std::runtime_error("no");
  if (request.path() != "/drop") echo(request, respond);
}

}  // namespace

TEST_CASE("two requests on one connection, in order") {
  const Server server({}, answer);
  const auto text =
      talk(server.port(),
           get("/a?x=1") + "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" + close_header + "\r\nhi");
  CHECK(text.find("GET /a?x=1 ") < text.find("POST /b hi"));
  CHECK(text.ends_with("POST /b hi"));
}

// The second request's answer is ready first, were it asked for.
TEST_CASE("answers keep the order of their requests, whoever is slower") {
  std::mutex mutex;
  std::vector<Respond> kept;
  const Server server({}, [&](const Request& request, Respond respond) {
    if (request.path() != "/slow") return echo(request, respond);
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(respond));
  });
  Wire wire(server.port());
  wire.send(get("/slow") + get("/quick"));
  Wire other(server.port());
  other.send(get("/other"));
  CHECK(other.read_until("GET /other ").ends_with("GET /other "));  // one waits, the others do not
  for (;;) {
    const std::lock_guard lock(mutex);
    if (kept.empty()) continue;
    kept[0]({200, {}, "slow"});
    kept[0]({200, {}, "again"});  // the first counts
    break;
  }
  const auto text = wire.read_until("GET /quick ");
  CHECK(text.find("slow") < text.find("GET /quick"));
  CHECK(text.find("again") == std::string::npos);
}

TEST_CASE("whoever has not begun learns that nobody waits any more") {
  std::promise<Request> asked;
  std::vector<Respond> kept;
  const Server server({}, [&](const Request& request, const Respond& respond) {
    kept.push_back(respond);
    asked.set_value(request);
  });
  Wire wire(server.port());
  wire.send(get("/") + "GET /and-so-on HTTP");
  const auto request = asked.get_future().get();
  CHECK(request.wanted());
  wire.close();
  while (request.wanted())
    std::this_thread::yield();
}

TEST_CASE("every answer has one Date") {
  const Server server({}, [](const Request& request, const Respond& respond) {
    respond(
        {200, request.path() == "/own" ? Headers{{"date", "Sat, 21 Nov 2026 09:00:30 GMT"}} : Headers{}, ""});
  });
  const auto dated = talk(server.port(), get("/", close_header));
  const auto at = dated.find("\r\nDate: ");
  REQUIRE(at != std::string::npos);
  CHECK(dated.substr(dated.find("\r\n", at + 2) - 4, 4) == " GMT");
  CHECK(dated.find("\r\n", at + 2) - at ==
        std::string_view("\r\nDate: Sat, 21 Nov 2026 09:00:30 GMT").size());
  CHECK(talk(server.port(), get("/own", close_header)).find("Date: ") == std::string::npos);
}

TEST_CASE("a handler learns who asks") {
  const Server server({}, [](const Request& request, const Respond& respond) {
    respond({200, {}, "[" + request.remote_address + "]"});
  });
  CHECK(talk(server.port(), get("/", close_header)).ends_with("[127.0.0.1]"));
}

TEST_CASE("expect") {
  const Server server({}, answer);
  const std::string head =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" + close_header + "\r\n";
  Wire wire(server.port());
  wire.send(head);
  CHECK(wire.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  wire.send("ok");
  CHECK(wire.read_all().ends_with("POST / ok"));
  // Who has sent the body already waits for nothing.
  CHECK(status_of(talk(server.port(), head + "ok")) == 200);
  CHECK(talk(server.port(),
             "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
            .starts_with("HTTP/1.1 413"));
}

TEST_CASE("HEAD has the headers of GET and no body") {
  const Server server({}, answer);
  const auto text = talk(server.port(), "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" + get("/d", close_header));
  CHECK(text.find("Content-Length: 10\r\n") < text.find("GET /d"));  // "HEAD /abc "
  CHECK(text.find("HEAD /abc") == std::string::npos);
  CHECK(text.ends_with("GET /d "));
}

TEST_CASE("no answer, a throwing handler") {
  const Server server({}, answer);
  CHECK(talk(server.port(), get("/drop")).empty());
  CHECK(status_of(talk(server.port(), get("/throw", close_header))) == 500);
  CHECK(status_of(talk(server.port(), get("/answer-and-throw", close_header))) == 201);
}

TEST_CASE("HTTP/1.0 is kept alive where it asks") {
  const Server server({}, answer);
  const auto text =
      talk(server.port(), "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
  CHECK(text.find("Connection: keep-alive\r\n") < text.find("GET /a"));
  CHECK(text.ends_with("GET /b "));
}

TEST_CASE("the server's own answers can be made by its owner") {
  Options options;
  options.refusal = [](int status, std::string_view what) {
    if (status == 414) throw std::runtime_error("no");
    if (status == 431) return Response{status, {{"A", "b\nc"}}, ""};
    return Response{status, {{"Content-Type", "application/problem+json"}}, "{" + std::string(what) + "}"};
  };
  const Server server(options, answer);
  const auto text = talk(server.port(), "GET / HTTP/1.1\r\n\r\n");
  CHECK(status_of(text) == 400);
  CHECK(text.find("application/problem+json") != std::string::npos);
  CHECK(text.ends_with("{the Host header is missing}"));
  CHECK(talk(server.port(), get("/throw", close_header)).ends_with("{internal error}"));
  // What it cannot make is made for it.
  CHECK(status_of(talk(server.port(), get("/" + std::string(9000, 'x')))) == 414);
  CHECK(talk(server.port(), get("/", "X: " + std::string(17'000, 'x') + "\r\n"))
            .ends_with("the headers are too large\n"));
}

TEST_CASE("an answer may come later, from any thread, even after the server has gone") {
  std::atomic<bool> asked = false;
  Respond kept;
  {
    std::atomic<Server*> timers = nullptr;
    Server server({}, [&](const Request& request, Respond respond) {
      if (request.path() == "/keep") {
        kept = std::move(respond);
        asked = true;
        return;
      }
      while (!timers)
        std::this_thread::yield();
      timers.load()->after(20ms, [respond] { respond({204, {}, ""}); });
    });
    timers = &server;
    Wire wire(server.port());
    wire.send(get("/later"));
    CHECK(wire.read_until("\r\n\r\n").starts_with("HTTP/1.1 204"));
    wire.send(get("/keep"));
    while (!asked)
      std::this_thread::yield();
    server.after(1h, [] {});
  }
  kept({200, {}, ""});
}

TEST_CASE("decoding") {
  CHECK(rollcall::percent_decode("a%20b+c%zz%4") == "a b+c%zz%4");
  CHECK(rollcall::percent_decode("a+b", true) == "a b");
  CHECK(parse_query("$top=5&q=a%26b&flag") ==
        std::vector<std::pair<std::string, std::string>>{{"$top", "5"}, {"q", "a&b"}, {"flag", ""}});
}
