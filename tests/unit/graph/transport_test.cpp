#include "common/graph/client.h"
#include "common/graph/token_source.h"
#include "common/http_client/client.h"
#include "tests/fakes/fake_transport.h"
#include "tests/support/catch.h"
#include "tests/support/raw_server.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

using namespace rollcall;
using namespace std::chrono_literals;

namespace {

const std::string empty_ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A server that answers each connection's first request and lets go of the connection, unanswered, when it
/// has read the second one whole; a request sent again on a new connection is that one's first.
struct World {
  std::mutex mutex;
  std::vector<std::string> requests;  // guarded by mutex
  std::atomic<bool> refusing = false;
  test::RawServer server{[this](const std::string& request) -> std::optional<std::string> {
    const std::lock_guard lock(mutex);
    requests.push_back(request.substr(0, request.find(' ') + 1) +
                       request.substr(request.find("\r\n\r\n") + 4));
    if (requests.size() != 2) return empty_ok;
    if (refusing) server.refuse_connections();
    return std::nullopt;
  }};
  http_client::CurlTransport transport;

  /// "METHOD body" of each request.
  std::vector<std::string> arrived() {
    const std::lock_guard lock(mutex);
    return requests;
  }

  http_client::Request request(const std::string& method, const std::string& body = {}) const {
    http_client::Request one;
    one.method = method;
    one.url = server.url() + "/v1.0/groups/g";
    one.body = body;
    one.timeout = 20s;
    return one;
  }
  /// Sends behind a GET, so that its connection is reused.
  http_client::Response send_second(const std::string& method, const std::string& body = {}) {
    REQUIRE(transport.send(request("GET")).status == 200);
    return transport.send(request(method, body));
  }
};

}  // namespace

TEST_CASE("a write whose kept-alive connection dies is not sent again unseen, and may have arrived") {
  for (const auto& [method, body] : std::vector<std::pair<std::string, std::string>>{
           {"DELETE", ""}, {"POST", ""}, {"POST", "{}"}, {"PATCH", "{}"}}) {
    World w;
    const auto response = w.send_second(method, body);
    INFO(method << ' ' << body << ": " << response.error);
    CHECK(response.status == 0);
    CHECK(response.sent);
    CHECK(response.error.find("whether it was carried out is not known") != std::string::npos);
    CHECK(w.arrived() == std::vector<std::string>{"GET ", method + " " + body});
    CHECK(w.transport.send(w.request(method, body)).status == 200);  // the next one is not held against it
  }
}

TEST_CASE("a large body arrives whole") {
  World w;
  const std::string body(300'000, 'x');
  CHECK(w.transport.send(w.request("POST", body)).status == 200);
  CHECK(w.arrived() == std::vector<std::string>{"POST " + body});
}

TEST_CASE("a read whose kept-alive connection dies is sent again") {
  for (const char* method : {"GET", "HEAD"}) {
    World w;
    CHECK(w.send_second(method).status == 200);
    const std::string read = std::string(method) + " ";
    CHECK(w.arrived() == std::vector<std::string>{"GET ", read, read});
  }
}

TEST_CASE("a write that arrived has been sent, also where no new connection can be made after it") {
  World w;
  w.refusing = true;
  const auto response = w.send_second("DELETE");
  CHECK(response.status == 0);
  CHECK(response.sent);
  CHECK(w.arrived().size() == 2);
}

TEST_CASE("what finds no server was not sent") {
  World w;
  w.server.refuse_connections();
  const auto response = w.transport.send(w.request("DELETE"));
  CHECK(response.status == 0);
  CHECK_FALSE(response.sent);
}

TEST_CASE("Graph is not asked twice for a removal whose connection died") {
  World w;
  SystemClock clock;
  fakes::FakeTransport entra{[](const http_client::Request&) {
    return fakes::FakeTransport::answer(200, R"({"expires_in":3599,"access_token":"t"})");
  }};
  graph::TokenSource tokens{entra, clock, {}};
  graph::Governor governor{{}, clock};
  metrics::Registry registry{"test"};
  graph::Client client{w.transport, tokens, governor, clock, {.root = w.server.url()}, registry};
  graph::Request read, removal;
  read.url = "/groups/g";
  removal.method = "DELETE";
  removal.url = "/groups/g/members/m/$ref";
  CHECK(client.send(read, {}).ok());
  CHECK(client.send(removal, {}).status == 0);
  CHECK(w.arrived() == std::vector<std::string>{"GET ", "DELETE "});
}
