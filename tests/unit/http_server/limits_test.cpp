#include "tests/unit/http_server/wire.h"

#include <atomic>
#include <memory>
#include <vector>

using namespace rollcall::http_server;
using namespace std::chrono_literals;

namespace {

std::string answer_to(const Options& options, const std::string& bytes) {
  const Server server(options, echo);
  return talk(server.port(), bytes);
}
std::string post(const std::string& target, const std::string& headers, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}

}  // namespace

TEST_CASE("sizes are limited") {
  Options options;
  options.body_bytes_max = 10;
  options.header_bytes_max = 200;
  options.headers_max = 5;
  options.target_bytes_max = 50;
  const Server server(options, echo);
  const auto status = [&](const std::string& bytes) { return status_of(talk(server.port(), bytes)); };
  CHECK(status(post("/", "Content-Length: 11\r\n", "")) == 413);
  CHECK(status(post("/", "Transfer-Encoding: chunked\r\n", "b\r\nhello world\r\n")) == 413);
  CHECK(status(post("/", "Transfer-Encoding: chunked\r\n", "8\r\nhello wo\r\n3\r\nrld\r\n")) == 413);
  CHECK(status(post("/", "Content-Length: 10\r\n" + close_header, "0123456789")) == 200);
  CHECK(status(get("/", "X: " + std::string(300, 'x') + "\r\n")) == 431);
  CHECK(status(get("/", "X: " + std::string(300'000, 'x'))) == 431);  // without an end
  CHECK(status(get("/", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n")) == 431);
  CHECK(status(get("/" + std::string(60, 'x'))) == 414);
  CHECK(status("GET /" + std::string(300'000, 'x')) == 414);  // without an end
}

TEST_CASE("a route may have a limit of its own") {
  Options options;
  options.body_bytes_max = 1;
  options.body_bytes_max_for = [](std::string_view method, std::string_view target) -> std::size_t {
    return method == "POST" && target == "/large?x" ? 5 : 0;
  };
  const Server server(options, echo);
  CHECK(talk(server.port(), post("/large?x", "Content-Length: 5\r\n" + close_header, "01234"))
            .ends_with("01234"));
  CHECK(status_of(talk(server.port(), post("/large?x", "Content-Length: 6\r\n", "012345"))) == 413);
  CHECK(status_of(talk(server.port(), post("/", "Content-Length: 1\r\n", "0"))) == 413);
  CHECK(status_of(talk(server.port(), get("/", close_header))) == 200);
}

TEST_CASE("a large body is not read before its head is found good") {
  std::atomic<int> asked = 0, handled = 0;
  Options options;
  options.body_bytes_unasked = 10;
  options.before_body = [&](const Request& request, const Respond& respond) {
    ++asked;
    if (request.path() == "/nobody") return;
    respond({request.header("Authorization").empty() ? 401 : body_wanted, {}, "refused"});
  };
  options.refusal = [](int status, std::string_view) { return Response{status, {}, ""}; };
  const Server server(options, [&](const Request& request, const Respond& respond) {
    ++handled;
    echo(request, respond);
  });
  // Nothing of the body is sent: were it waited for, there would be no answer.
  for (const auto* length :
       {"Content-Length: 11\r\n", "Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n",
        "Content-Length: 11\r\nExpect: 100-continue\r\n"}) {
    Wire stranger(server.port());
    stranger.send(post("/", length, ""));
    const auto answer = stranger.read_until("refused");
    CHECK(status_of(answer) == 401);
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK(answer.ends_with("refused"));
  }
  CHECK(asked == 4);
  CHECK(handled == 0);
  CHECK(talk(server.port(), post("/nobody", "Content-Length: 11\r\n", "")).empty());
  CHECK(talk(server.port(), post("/", "Content-Length: 10\r\n" + close_header, "0123456789"))
            .ends_with("0123456789"));
  CHECK(asked == 5);
  CHECK(talk(server.port(),
             post("/", "Authorization: x\r\nContent-Length: 11\r\n" + close_header, "0123456789a"))
            .ends_with("0123456789a"));
  CHECK(status_of(talk(server.port(), post("/", "Content-Length: 9999999\r\n", ""))) ==
        413);  // whoever it is
}

TEST_CASE("an answer that takes too long is given up, and the connection goes on") {
  Options options;
  options.answer_timeout_for = [](std::string_view, std::string_view target) {
    return target == "/slow" ? 50ms : 0ms;
  };
  std::vector<Respond> kept;
  std::vector<Request> requests;
  const Server server(options, [&](const Request& request, const Respond& respond) {
    if (request.path() != "/slow") return echo(request, respond);
    requests.push_back(request);
    kept.push_back(respond);
  });
  Wire wire(server.port());
  wire.send(get("/slow"));
  CHECK(status_of(wire.read_until("too long\n")) == 503);
  CHECK_FALSE(requests.at(0).wanted());
  kept.at(0)({200, {}, "late"});
  wire.send(get("/next", close_header));
  CHECK(wire.read_all().ends_with("GET /next "));
}

// Each timeout alone is short: were another in force, the test would not end.
TEST_CASE("a slow head times out, however it drips") {
  Options options;
  options.head_timeout = 100ms;
  CHECK(status_of(answer_to(options, "G")) == 408);
  CHECK(status_of(answer_to(options, "GET / HTTP/1.1\r\nHost: h\r\n")) == 408);
  CHECK(status_of(answer_to(options, get("/") + "GET / HT")) == 200);  // and 408 behind it
  const Server server(options, echo);
  Wire drip(server.port());
  drip.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  while (drip.send("x"))  // the limit is the head's, not a byte's
    ;
  CHECK(status_of(drip.read_all()) / 100 != 2);
}

TEST_CASE("a slow body times out") {
  Options options;
  options.read_timeout = 100ms;
  options.body_bytes_per_second_min = 0;
  CHECK(status_of(answer_to(options, post("/", "Content-Length: 5\r\n", "ab"))) == 408);
  CHECK(status_of(answer_to(options, post("/", "Content-Length: 5\r\n", ""))) == 408);
  options.body_bytes_per_second_min = 1'000'000;
  CHECK(status_of(answer_to(options, post("/", "Transfer-Encoding: chunked\r\n", "5\r\nab"))) == 408);
}

TEST_CASE("a body that comes fast enough may take longer than the timeout") {
  Options options;
  options.read_timeout = 0ms;  // late from the start, but for what its bytes earn
  options.body_bytes_per_second_min = 1;
  const Server server(options, echo);
  Wire wire(server.port());
  wire.send(post("/", "Content-Length: 105\r\n" + close_header, std::string(100, 'x')));
  wire.send("01234");
  CHECK(wire.read_all().ends_with("x01234"));
}

TEST_CASE("an idle connection just ends") {
  Options options;
  options.idle_timeout = 100ms;
  const auto idle = answer_to(options, get("/"));
  CHECK(status_of(idle) == 200);
  CHECK(idle.find("408") == std::string::npos);
  CHECK(answer_to(options, "").empty());
}

TEST_CASE("a connection serves so many requests") {
  Options options;
  options.requests_per_connection_max = 2;
  const auto text = answer_to(options, get("/a") + get("/b") + get("/c"));
  CHECK(text.find("Connection: close") > text.find("GET /a "));
  CHECK(text.ends_with("GET /b "));
}

TEST_CASE("connections are limited, in all and per address") {
  for (const bool per_address : {false, true}) {
    Options options;
    (per_address ? options.connections_per_address_max : options.connections_max) = 2;
    const Server server(options, echo);
    auto first = std::make_unique<Wire>(server.port());
    Wire second(server.port());
    for (Wire* wire : {first.get(), &second}) {
      wire->send(get("/"));
      CHECK(status_of(wire->read_until("GET / ")) == 200);
    }
    CHECK(talk(server.port(), get("/")).empty());
    first.reset();
    // The place is free once the server has seen the first go.
    while (talk(server.port(), get("/", close_header)).empty())
      ;
  }
}
