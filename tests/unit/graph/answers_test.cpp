#include "common/graph/answers.h"

#include "tests/fakes/fake_transport.h"
#include "tests/support/catch.h"

#include <utility>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;
using fakes::FakeTransport;

namespace {
const WallTime now = *parse_rfc3339("2026-11-21T09:00:00Z");
}

TEST_CASE("Retry-After is read in every form") {
  struct Row {
    const char* text;
    std::optional<std::chrono::milliseconds> expected;
  };
  const Row rows[] = {
      {"10", 10s},
      {" 0 ", 0ms},
      {"2.128", 2128ms},
      {"0.0001", 1ms},
      {"Sat, 21 Nov 2026 09:00:30 GMT", 30s},
      {"Saturday, 21-Nov-26 09:01:00 GMT", 60s},
      {"Sat Nov 21 09:00:05 2026", 5s},
      {"Sat, 21 Nov 2026 08:00:00 GMT", 0ms},
      {"99999999999", 24h},
      {"", std::nullopt},
      {"-5", std::nullopt},
      {"soon", std::nullopt},
      {"1e3", std::nullopt},
      {"Sat, 31 Feb 2026 09:00:00 GMT", std::nullopt},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(parse_retry_after(row.text, now) == row.expected);
  }
}

TEST_CASE("calls cost what the quota table says") {
  struct Row {
    const char *method, *url;
    double units, writes;
  };
  const Row rows[] = {
      {"GET", "/groups/1/members", 3, 0},
      {"GET", "/groups/1/members?$select=id", 2, 0},
      {"GET", "/groups/1/members?%24select=id&$top=19", 1, 0},
      {"GET", "/groups/1/members?$select=id&$top=999", 2, 0},
      {"GET", "https://graph.microsoft.com/v1.0/groups/1/members?$select=id&$top=999&$skiptoken=x/y", 2, 0},
      {"GET", "/groups/1/transitiveMembers", 5, 0},
      {"GET", "/groups/1", 1, 0},
      {"GET", "/groups/1?$select=id", 1, 0},
      {"GET", "/groups/1?$expand=owners", 2, 0},
      {"GET", "/users?$filter=a", 2, 0},
      {"GET", "/users/1", 1, 0},
      {"GET", "/groups/delta?$select=members", 1, 0},
      {"POST", "/directoryObjects/getByIds", 5, 0},
      {"POST", "/directoryObjects/getByIds?$select=id", 2, 0},
      {"POST", "/groups/1/members/$ref", 1, 1},
      {"DELETE", "/groups/1/members/2/$ref", 1, 1},
      {"PATCH", "/groups/1", 1, 1},
  };
  for (const Row& row : rows) {
    INFO(row.method << " " << row.url);
    const Cost cost = cost_of(row.method, row.url);
    CHECK(cost.resource_units == row.units);
    CHECK(cost.writes == row.writes);
  }
}

TEST_CASE("the most specific known error code counts") {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"error":{"code":"Request_BadRequest","message":"m"}})", "Request_BadRequest"},
      {R"({"error":{"code":"TooManyRequests","innerError":{"code":"429"}}})", "TooManyRequests"},
      {R"({"error":{"code":"invalidRequest","innererror":{"code":"resourceModified"}}})", "resourceModified"},
      {R"({"error":{"code":"","innerError":{"code":"accessDenied","innerError":{"code":"odd"}}}})",
       "accessDenied"},
      {R"({"error":{"code":"SomethingNew"}})", "SomethingNew"},
      {R"({"error":{"code":7}})", ""},
      {R"({"error":"text"})", ""},
      {R"([])", ""},
  };
  for (const auto& [body, code] : rows) {
    INFO(body);
    CHECK(error_code_of(Json::parse(body)) == code);
  }
}

TEST_CASE("an answer carries request id, retry and throttle headers in any case") {
  const auto answer = read_answer(
      FakeTransport::answer(
          429, R"({"error":{"code":"TooManyRequests","message":"slow","innerError":{"request-id":"r1"}}})",
          {{"retry-AFTER", "3"},
           {"X-Ms-Resource-Unit", "5"},
           {"x-ms-throttle-limit-percentage", "1.2"},
           {"x-ms-throttle-information", "WriteLimitExceeded"}}),
      now);
  CHECK(answer.response.status == 429);
  CHECK(answer.response.error_code == "TooManyRequests");
  CHECK(answer.response.error_message == "slow");
  CHECK(answer.response.request_id == "r1");
  CHECK(answer.response.retry_after == 3s);
  CHECK(answer.throttle.resource_units == 5);
  CHECK(answer.throttle.percentage == 1.2);
  CHECK(pause_after(answer, 1) == 3s);

  Answer silent;
  CHECK(pause_after(silent, 1) == 10s);
  CHECK(pause_after(silent, 9) == 150s);
  silent.throttle.information = "WriteLimitExceeded";
  CHECK(pause_after(silent, 1) == 150s);
}

TEST_CASE("a cut answer is no answer") {
  CHECK(read_answer(FakeTransport::answer(200, R"({"value":[{"id")"), now).response.status == 0);
  CHECK(read_answer(FakeTransport::answer(400, R"({"error":{"code")"), now).response.status == 0);
  CHECK(read_answer(FakeTransport::answer(429, R"({"error":{"code")"), now).response.status == 429);
  CHECK(read_answer(FakeTransport::answer(204), now).response.status == 204);
  CHECK(read_answer(FakeTransport::answer(502, "<html>"), now).response.status == 502);
}

TEST_CASE("a batch envelope is built as json-batching asks") {
  std::vector<Request> requests(3);
  requests[0].url = "https://graph.microsoft.com/v1.0/groups/1?$select=id";
  requests[1].method = "PATCH";
  requests[1].url = "/groups/1";
  requests[1].body = Json{{"a", 1}};
  requests[1].after = 0;
  requests[2].url = "/users/1";
  requests[2].headers = {{"ConsistencyLevel", "eventual"}};
  CHECK(batch_envelope(requests, Priority::interactive) == Json::parse(R"({"requests":[
    {"id":"1","method":"GET","url":"/groups/1?$select=id"},
    {"id":"2","method":"PATCH","url":"/groups/1","headers":{"Content-Type":"application/json"},"body":{"a":1},
     "dependsOn":["1"]},
    {"id":"3","method":"GET","url":"/users/1","headers":{"ConsistencyLevel":"eventual"}}]})"));
}

TEST_CASE("parts are correlated by id") {
  const auto answers = read_batch(FakeTransport::answer(200, R"({"responses":[
    {"id":"3","status":429,"headers":{"RETRY-after":"7"},"body":{"error":{"code":"TooManyRequests"}}},
    {"id":"1","status":204},{"id":"1","status":500},{"id":"99","status":200},{"id":"x","status":200},7]})"),
                                  3, now);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].response.status == 204);
  CHECK(answers[1].response.status == 0);
  CHECK(answers[2].response.status == 429);
  CHECK(answers[2].response.retry_after == 7s);
  for (const auto& [status, expected] : {std::pair{503, 503}, std::pair{200, 0}, std::pair{400, 400}})
    CHECK(read_batch(FakeTransport::answer(status, "{}"), 2, now)[1].response.status == expected);
}

TEST_CASE("removal paths end in $ref") {
  const auto group = *Uuid::parse("00000000-0000-0000-0000-00000000000a");
  const auto member = *Uuid::parse("00000000-0000-0000-0000-00000000000b");
  CHECK(member_removal_path(group, member) ==
        "/groups/00000000-0000-0000-0000-00000000000a/members/00000000-0000-0000-0000-00000000000b/$ref");
}
