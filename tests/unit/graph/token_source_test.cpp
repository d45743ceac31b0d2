#include "common/graph/token_source.h"

#include "common/core/error.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

#include <future>
#include <thread>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;
using fakes::FakeTransport;
using fakes::ManualClock;

namespace {

Credentials credentials() {
  Credentials given;
  given.tenant_id = "contoso";
  given.client_id = "app";
  given.secret = config::Secret("s3cr3t&+~");
  return given;
}

std::string granted(const std::string& token, int seconds) {
  return R"({"token_type":"Bearer","expires_in":)" + std::to_string(seconds) + R"(,"access_token":")" +
         token + "\"}";
}

Error failure_of(TokenSource& source) {
  try {
    source.token({});
  } catch (const Error& error) {
    return error;
  }
  return {Fault::invalid, "none", "no error"};
}

}  // namespace

TEST_CASE("the request is form-encoded, and one token serves until five minutes before its end") {
  ManualClock clock;
  FakeTransport transport;
  transport.then(FakeTransport::answer(200, granted("one", 3599)));
  transport.then(FakeTransport::answer(200, granted("two", 3599)));
  TokenSource source(transport, clock, credentials());
  CHECK(source.token({}) == "one");
  const auto request = transport.requests().at(0);
  CHECK(request.url == "https://login.microsoftonline.com/contoso/oauth2/v2.0/token");
  CHECK(request.body ==
        "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        "&client_secret=s3cr3t%26%2B~");
  clock.advance(3298s);
  CHECK(source.token({}) == "one");
  clock.advance(1s);
  CHECK(source.token({}) == "two");
  CHECK(transport.requests().size() == 2);
}

TEST_CASE("a token of a short life is renewed at half of it, and an invalidated one at once") {
  ManualClock clock;
  FakeTransport transport;
  for (const char* token : {"one", "two", "three"})
    transport.then(FakeTransport::answer(200, granted(token, 100)));
  TokenSource source(transport, clock, credentials());
  CHECK(source.token({}) == "one");
  clock.advance(49s);
  CHECK(source.token({}) == "one");
  clock.advance(1s);
  CHECK(source.token({}) == "two");
  source.invalidate("one");
  CHECK(source.token({}) == "two");
  source.invalidate("two");
  CHECK(source.token({}) == "three");
}

TEST_CASE("one request serves all who ask at once") {
  ManualClock clock;
  std::promise<void> open;
  auto gate = open.get_future().share();
  FakeTransport transport([&](const http_client::Request&) {
    gate.wait();
    return FakeTransport::answer(200, granted("one", 3599));
  });
  TokenSource source(transport, clock, credentials());
  std::vector<std::future<std::string>> asked;
  for (int i = 0; i < 8; ++i)
    asked.push_back(std::async(std::launch::async, [&] { return source.token({}); }));
  open.set_value();
  for (auto& one : asked)
    CHECK(one.get() == "one");
  CHECK(transport.requests().size() == 1);
}

TEST_CASE("refusals are told in plain words, without the secret") {
  ManualClock clock;
  struct Row {
    int status;
    const char* body;
    Fault fault;
    const char* words;
  };
  const Row rows[] = {
      {401, R"({"error":"invalid_client","error_codes":[7000222],"error_description":"s3cr3t&+~"})",
       Fault::config, "has expired"},
      {401, R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid s3cr3t&+~"})",
       Fault::config, "secret is wrong"},
      {400, R"({"error":"unauthorized_client","error_codes":[700016]})", Fault::config, "AADSTS700016"},
      {400, R"({"error":"invalid_request","error_codes":[90002]})", Fault::config, "tenant is not found"},
      {400, R"({"error":"invalid_request","error_codes":[90033]})", Fault::transient, "unavailable"},
      {400, R"({"error":"invalid_request","error_codes":[90055]})", Fault::throttled, "throttled"},
      {404, "<html>", Fault::config, "HTTP 404"},
  };
  for (const Row& row : rows) {
    FakeTransport transport(
        [&](const http_client::Request&) { return FakeTransport::answer(row.status, row.body); });
    TokenSource source(transport, clock, credentials());
    const Error error = failure_of(source);
    INFO(error.what());
    CHECK(error.fault() == row.fault);
    CHECK(std::string(error.what()).find(row.words) != std::string::npos);
    CHECK(std::string(error.what()).find("s3cr3t") == std::string::npos);
    CHECK(transport.requests().size() == 1);
  }
}

TEST_CASE("a Retry-After is not followed by a retry and nobody calls before it is over") {
  ManualClock clock;
  FakeTransport transport;
  transport.then(FakeTransport::answer(503, "", {{"Retry-After", "20"}}));
  transport.then(FakeTransport::answer(200, granted("one", 3599)));
  TokenSource source(transport, clock, credentials());
  CHECK(failure_of(source).retry_after() == 20s);
  clock.advance(15s);
  const Error error = failure_of(source);
  CHECK(error.fault() == Fault::throttled);
  CHECK(error.retry_after() == 5s);
  CHECK(transport.requests().size() == 1);
  clock.advance(5s);
  CHECK(source.token({}) == "one");
}

TEST_CASE("5xx and silence are retried once after a second; a token still good bridges an outage") {
  ManualClock clock;
  FakeTransport transport([&](const http_client::Request&) { return FakeTransport::lost(false); });
  TokenSource source(transport, clock, credentials());
  const auto while_time_passes = [&](auto call) {
    auto result = std::async(std::launch::async, call);
    while (result.wait_for(1ms) != std::future_status::ready)
      clock.advance(50ms);
    return result.get();
  };
  CHECK(while_time_passes([&] { return failure_of(source); }).code() == "graph_unavailable");
  CHECK(transport.requests().size() == 2);
  transport.then(FakeTransport::answer(500));
  transport.then(FakeTransport::answer(200, granted("one", 3600)));
  CHECK(while_time_passes([&] { return source.token({}); }) == "one");
  clock.advance(3400s);
  CHECK(while_time_passes([&] { return source.token({}); }) == "one");
  CHECK(transport.requests().size() == 6);
  CHECK(source.token({}) == "one");  // not asked again at once
  CHECK(transport.requests().size() == 6);
  clock.advance(300s);
  CHECK(while_time_passes([&] { return failure_of(source); }).code() == "graph_unavailable");
}
