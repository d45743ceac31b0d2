#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;

TEST_CASE("what a call costs") {
  Sandbox box;
  const auto cost = [&](const std::string& path) {
    return header(box.graph("GET", path), "x-ms-resource-unit");
  };
  const std::string group = "/groups/" + box.group;
  CHECK(cost(group) == "1");
  CHECK(cost(group + "?$select=id") == "1");
  CHECK(cost(group + "/members") == "3");
  CHECK(cost(group + "/members?$select=id&$top=999") == "2");
  CHECK(cost(group + "/members?$select=id&$top=10") == "1");
  CHECK(cost("/users") == "2");
  CHECK(cost("/groups/delta") == "1");
  CHECK(header(box.graph("PATCH", group, Sandbox::bind(2, 20)), "x-ms-resource-unit") == "1");
}

TEST_CASE("above the quota: 429 with the time to wait, then again") {
  Sandbox box;
  box.state.settings.units_limit = 10;
  for (int i = 0; i < 10; ++i)
    CHECK(box.graph("GET", "/groups/" + box.group).status == 200);
  const auto refused = box.graph("GET", "/groups/" + box.group);
  CHECK(refused.status == 429);
  CHECK(code(refused) == "TooManyRequests");
  CHECK(header(refused, "Retry-After") == "10");
  CHECK(header(refused, "x-ms-throttle-information") == "ResourceUnitLimitExceeded");
  CHECK(header(refused, "x-ms-throttle-limit-percentage") == "1.10");
  box.now += std::chrono::seconds(10);
  const auto again = box.graph("GET", "/groups/" + box.group);
  CHECK(again.status == 200);
  CHECK(header(again, "x-ms-throttle-limit-percentage").empty());
}

TEST_CASE("writes have a quota of their own, part by part") {
  Sandbox box;
  box.state.settings.writes_limit = 2;
  Json parts = Json::array();
  for (int i = 0; i < 4; ++i)
    parts.push_back({{"id", std::to_string(i)},
                     {"method", "PATCH"},
                     {"url", "/groups/" + box.group},
                     {"headers", {{"content-type", "application/json"}}},
                     {"body", Sandbox::bind(10 + i, 1)}});
  int throttled = 0;
  const Json answer = box.batch(parts);
  for (const Json& one : answer["responses"]) {
    if (one["status"] != 429) continue;
    ++throttled;
    CHECK(one["headers"]["Retry-After"] == "150");
    CHECK(one["headers"]["x-ms-throttle-information"] == "WriteLimitExceeded");
  }
  CHECK(throttled == 2);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 200);
  const Json stats = Json::parse(box.send("GET", "/sandbox/stats").body);
  CHECK(stats["http"] == 2);
  CHECK(stats["writes"] == 4);
  CHECK(stats["throttled"] == 2);
}

TEST_CASE("a window slides") {
  Quota quota(10, std::chrono::seconds(10));
  WallTime now{};
  CHECK(quota.charge(6, now));
  now += std::chrono::seconds(4);
  CHECK(quota.charge(4, now));
  CHECK(quota.wait_for(6, now) == std::chrono::seconds(6));
  CHECK(quota.wait_for(7, now) == std::chrono::seconds(10));
  now += std::chrono::seconds(6);
  CHECK(quota.charge(6, now));
}
