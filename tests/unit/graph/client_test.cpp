#include "common/graph/client.h"

#include "common/core/error.h"
#include "common/graph/token_source.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;
using fakes::FakeTransport;

namespace {

struct World {
  fakes::ManualClock clock;
  std::atomic<int> tokens_given{0};
  FakeTransport entra{[this](const http_client::Request&) {
    return FakeTransport::answer(
        200, R"({"expires_in":3599,"access_token":"t)" + std::to_string(++tokens_given) + "\"}");
  }};
  FakeTransport transport;
  TokenSource tokens{entra, clock, {}};
  Governor governor{{}, clock};
  metrics::Registry registry{"test"};
  Client client{transport, tokens, governor, clock, {}, registry};
  Usage usage;
  CallContext context;

  World() { context.usage = &usage; }

  /// Calls while time goes by, so that backoff takes no time of ours.
  template <class Call>
  auto run(Call call) {
    auto result = std::async(std::launch::async, call);
    while (result.wait_for(1ms) != std::future_status::ready)
      clock.advance(100ms);
    return result.get();
  }
  Error failure(const Request& request) {
    return run([&]() -> Error {
      try {
        client.send(request, context);
      } catch (const Error& error) {
        return error;
      }
      return {Fault::invalid, "none", "no error"};
    });
  }
};

Request get(const std::string& url) {
  Request request;
  request.url = url;
  return request;
}

Request removal(int number) {
  Request request;
  request.method = "DELETE";
  request.url = "/groups/g/members/" + std::to_string(number) + "/$ref";
  return request;
}

std::string header(const http_client::Request& request, const std::string& name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

}  // namespace

TEST_CASE("a read carries token and client-request-id and is counted") {
  World w;
  w.transport.then(FakeTransport::answer(200, R"({"id":"g"})", {{"request-id", "r"}}));
  const Response response = w.client.send(get("/groups/g?$select=id"), w.context);
  CHECK(response.ok());
  CHECK(response.body["id"] == "g");
  CHECK(response.request_id == "r");
  const auto sent = w.transport.requests().at(0);
  CHECK(sent.url == "https://graph.microsoft.com/v1.0/groups/g?$select=id");
  CHECK(header(sent, "Authorization") == "Bearer t1");
  CHECK(Uuid::parse(header(sent, "client-request-id")));
  CHECK(w.usage.http == 1);
  CHECK(w.usage.reads == 1);
  CHECK(w.usage.writes == 0);
  CHECK(w.client.version_root() == "https://graph.microsoft.com/v1.0");
}

TEST_CASE("links are followed verbatim, but not to another host") {
  World w;
  w.transport.then(FakeTransport::answer(200, "{}"));
  const std::string link = "https://graph.microsoft.com/v1.0/groups/g/members?$skiptoken=a%2Fb";
  w.client.send(get(link), w.context);
  CHECK(w.transport.requests().at(0).url == link);
  CHECK(w.failure(get("https://graph.microsoft.com.evil.example/v1.0/users")).fault() == Fault::invalid);
  CHECK(w.transport.requests().size() == 1);
}

TEST_CASE("reads are retried, after a 503 over a new connection") {
  World w;
  w.transport.then(FakeTransport::lost(true));
  w.transport.then(FakeTransport::answer(503));
  w.transport.then(FakeTransport::answer(200, R"({"value":[)"));  // cut
  w.transport.then(FakeTransport::answer(429, "{}", {{"Retry-After", "2.5"}}));
  w.transport.then(FakeTransport::answer(200, "{}"));
  CHECK(w.run([&] { return w.client.send(get("/users/1"), w.context); }).ok());
  const auto sent = w.transport.requests();
  REQUIRE(sent.size() == 5);
  CHECK(sent[2].fresh_connection);
  CHECK_FALSE(sent[3].fresh_connection);
  CHECK(w.usage.throttled == 1);
}

TEST_CASE("a read gives up after its attempts") {
  World w;
  for (int i = 0; i < 6; ++i)
    w.transport.then(FakeTransport::answer(500));
  const Error error = w.failure(get("/users/1"));
  CHECK(error.code() == "graph_unavailable");
  CHECK(error.fault() == Fault::transient);
  CHECK(w.transport.requests().size() == 6);
}

TEST_CASE("a write is sent once, unless it never left") {
  for (const int status : {0, 429, 500, 503, 404, 204}) {
    World w;
    w.transport.then(status == 0 ? FakeTransport::lost(true) : FakeTransport::answer(status));
    CHECK(w.client.send(removal(1), w.context).status == status);
    CHECK(w.transport.requests().size() == 1);
    CHECK(w.usage.writes == 1);
  }
  World w;
  w.transport.then(FakeTransport::lost(false));
  w.transport.then(FakeTransport::answer(204));
  CHECK(w.run([&] { return w.client.send(removal(1), w.context); }).status == 204);
}

TEST_CASE("a Retry-After beyond patience throws throttled") {
  World w;
  w.transport.then(FakeTransport::answer(429, "{}", {{"Retry-After", "600"}}));
  const Error error = w.failure(get("/users/1"));
  CHECK(error.fault() == Fault::throttled);
  CHECK(error.code() == "throttled");
  CHECK(error.retry_after().value_or(0ms) > 590s);
  CHECK(w.transport.requests().size() == 1);
}

TEST_CASE("a 401 is cured by one fresh token, or denied") {
  World w;
  w.transport.then(FakeTransport::answer(401));
  w.transport.then(FakeTransport::answer(200, "{}"));
  CHECK(w.client.send(get("/users/1"), w.context).ok());
  CHECK(header(w.transport.requests().at(1), "Authorization") == "Bearer t2");
  w.transport.then(FakeTransport::answer(401));
  w.transport.then(FakeTransport::answer(401));
  const Error error = w.failure(get("/users/1"));
  CHECK(error.fault() == Fault::denied);
  CHECK(error.code() == "graph_not_permitted");
}

TEST_CASE("a 403 brings a fresh token where that is asked for, once a minute at most") {
  World w;
  const auto denied = [] { return FakeTransport::answer(403); };
  w.transport.then(denied());
  CHECK(w.client.send(get("/users/1"), w.context).status == 403);
  CHECK(w.tokens_given == 1);
  w.context.renew_when_denied = true;
  w.transport.then(denied());
  w.transport.then(FakeTransport::answer(200, "{}"));
  CHECK(w.client.send(get("/users/1"), w.context).ok());
  CHECK(header(w.transport.requests().back(), "Authorization") == "Bearer t2");
  w.transport.then(denied());
  CHECK(w.client.send(get("/users/1"), w.context).status == 403);  // t2 is fresh
  CHECK(w.tokens_given == 2);
  w.clock.advance(61s);
  w.transport.then(denied());
  w.transport.then(denied());
  CHECK(w.client.send(get("/users/1"), w.context).status == 403);
  CHECK(w.tokens_given == 3);
}

TEST_CASE("a stop ends a wait") {
  World w;
  std::stop_source stop;
  w.context.stop = stop.get_token();
  w.governor.apply_pause(20s);
  auto call = std::async(std::launch::async, [&] { return w.client.send(get("/users/1"), w.context); });
  stop.request_stop();
  CHECK_THROWS_AS(call.get(), Error);
}

TEST_CASE("parts come back in request order, and their longest Retry-After pauses everybody") {
  World w;
  w.transport.then(FakeTransport::answer(200, R"({"responses":[
    {"id":"4","status":429,"headers":{"retry-after":"9"}},
    {"id":"2","status":404,"body":{"error":{"code":"Request_ResourceNotFound","message":"gone"}}},
    {"id":"3","status":429,"headers":{"Retry-After":"17"}},
    {"id":"1","status":204}]})"));
  const auto parts =
      w.client.batch({removal(1), removal(2), removal(3), removal(4), get("/users/5")}, w.context);
  REQUIRE(parts.size() == 5);
  CHECK(parts[0].status == 204);
  CHECK(parts[1].error_code == "Request_ResourceNotFound");
  CHECK(parts[2].retry_after == 17s);
  CHECK(parts[3].status == 429);
  CHECK(parts[4].status == 0);
  CHECK(w.governor.status().paused_for == 17s);
  CHECK(w.governor.status().writes_used == 4);
  CHECK(w.usage.http == 1);
  CHECK(w.usage.writes == 4);
  CHECK(w.usage.reads == 1);
  CHECK(w.usage.throttled == 2);
  const auto sent = w.transport.requests().at(0);
  CHECK(sent.url == "https://graph.microsoft.com/v1.0/$batch");
  CHECK(Json::parse(sent.body)["requests"].size() == 5);
}

TEST_CASE("an envelope is sent again once after a 401") {
  World w;
  w.transport.then(FakeTransport::answer(401));
  w.transport.then(FakeTransport::answer(200, R"({"responses":[{"id":"1","status":204}]})"));
  CHECK(w.client.batch({removal(1)}, w.context)[0].status == 204);
  CHECK(header(w.transport.requests().at(1), "Authorization") == "Bearer t2");
  w.transport.then(FakeTransport::answer(401));
  w.transport.then(FakeTransport::answer(401));
  CHECK(w.client.batch({removal(1)}, w.context)[0].status == 401);
  CHECK(w.transport.requests().size() == 4);
}

TEST_CASE(
    "an envelope without a whole answer leaves every outcome unknown; a refused one refuses every part") {
  World w;
  const auto statuses = [&](http_client::Response envelope) {
    w.transport.then(std::move(envelope));
    const auto parts = w.client.batch({removal(1), removal(2)}, w.context);
    CHECK(parts.at(0).status == parts.at(1).status);
    return parts.at(0).status;
  };
  CHECK(statuses(FakeTransport::answer(200, R"({"responses":[{"id":"1","status":204})")) == 0);
  CHECK(statuses(FakeTransport::lost(true)) == 0);
  CHECK(statuses(FakeTransport::answer(503)) == 503);
  CHECK(statuses(FakeTransport::answer(400, R"({"error":{"code":"BadRequest"}})")) == 400);
  CHECK(statuses(FakeTransport::answer(429, "{}", {{"Retry-After", "5"}})) == 429);
  CHECK(w.usage.throttled == 1);
  CHECK(w.governor.status().paused_for == 5s);
}

TEST_CASE("a batch that cannot wait is not sent") {
  World w;
  w.governor.apply_pause(10min);
  CHECK_THROWS_AS(w.client.batch({removal(1)}, w.context), Error);
  CHECK(w.transport.requests().empty());
  CHECK_THROWS_AS(w.client.batch(std::vector<Request>(21), w.context), std::invalid_argument);
}

TEST_CASE("what a caller asks before sending is asked after the wait for the quota, and keeps a call back") {
  World w;
  w.governor.apply_pause(10s);
  SteadyTime asked{};
  const auto begun = w.clock.steady();
  w.context.before_sending = [&] { asked = w.clock.steady(); };
  w.transport.then(FakeTransport::answer(204));
  CHECK(w.run([&] { return w.client.send(removal(1), w.context).status; }) == 204);
  CHECK(asked - begun >= 10s);

  w.context.before_sending = [] { throw Error(Fault::conflict, "claim_lost", "another's"); };
  CHECK(w.failure(removal(2)).code() == "claim_lost");
  CHECK_THROWS_AS(w.client.batch({removal(3)}, w.context), Error);
  CHECK(w.transport.requests().size() == 1);
  CHECK(w.governor.status().writes_used == 1);
}

TEST_CASE("a service that is down is left alone, and tried again with one call") {
  World w;
  for (int i = 0; i < 10; ++i)
    w.transport.then(i % 2 == 0 ? FakeTransport::answer(500) : FakeTransport::lost(true));
  for (int i = 0; i < 10; ++i)
    w.client.send(removal(i), w.context);
  const Error error = w.failure(removal(11));
  CHECK(error.fault() == Fault::throttled);  // a run that waits for it spends no attempt
  CHECK(error.code() == "graph_unavailable");
  REQUIRE(error.retry_after());
  CHECK(w.transport.requests().size() == 10);
  CHECK(w.governor.status().writes_used == 10);  // what was refused has cost nothing
  w.clock.advance(*error.retry_after());
  w.transport.then(FakeTransport::answer(204));
  CHECK(w.client.send(removal(12), w.context).status == 204);
  w.transport.then(FakeTransport::answer(500));
  CHECK(w.client.send(removal(13), w.context).status == 500);  // closed again
}

TEST_CASE("refusals and failing parts of a batch do not open the circuit breaker") {
  World w;
  const std::string parts = R"({"responses":[{"id":"1","status":503}]})";
  for (int i = 0; i < 12; ++i) {
    w.transport.then(i % 2 == 0 ? FakeTransport::answer(403) : FakeTransport::answer(200, parts));
    if (i % 2 == 0)
      w.client.send(removal(i), w.context);
    else
      CHECK(w.client.batch({removal(i)}, w.context).at(0).status == 503);
  }
  CHECK(w.transport.requests().size() == 12);
}

TEST_CASE("a 503 that says for how long pauses everybody, another does not") {
  World w;
  w.transport.then(FakeTransport::answer(503));
  w.client.send(removal(1), w.context);
  CHECK(w.governor.status().paused_for == 0ms);
  w.transport.then(FakeTransport::answer(503, "{}", {{"Retry-After", "40"}}));
  w.client.send(removal(2), w.context);
  CHECK(w.governor.status().paused_for >= 40s);
}
