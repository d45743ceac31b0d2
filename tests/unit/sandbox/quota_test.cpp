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

TEST_CASE("above the quota a growing share is rejected, with the time to wait") {
  Sandbox box;
  box.state.settings.units_limit = 10;
  const auto ask = [&] { return box.graph("GET", "/groups/" + box.group); };
  for (int i = 0; i < 10; ++i)
    CHECK(ask().status == 200);
  // 110 %, 120 %, … 140 % leave a tenth, two, three and four tenths of a request owed: the fourth falls.
  for (int i = 0; i < 3; ++i)
    CHECK(ask().status == 200);
  const auto refused = ask();
  CHECK(refused.status == 429);
  CHECK(code(refused) == "TooManyRequests");
  CHECK(header(refused, "Retry-After") == "10");
  CHECK(header(refused, "x-ms-throttle-information") == "ResourceUnitLimitExceeded");
  CHECK(header(refused, "x-ms-throttle-scope").starts_with("Tenant_Application/ReadWrite/"));
  CHECK(header(refused, "x-ms-throttle-limit-percentage") == "1.40");
  box.now += std::chrono::seconds(10);
  const auto again = ask();
  CHECK(again.status == 200);
  CHECK(header(again, "x-ms-throttle-limit-percentage").empty());
}

TEST_CASE("at 1.8 times the quota four of five are rejected, at twice all") {
  const WallTime now{};
  const auto refused_of_100 = [&](double share) {
    Throttle throttle;
    throttle.units.set_limit(1'000'000);
    throttle.units.charge(share * 1'000'000, now);
    int refused = 0;
    for (int i = 0; i < 100; ++i)
      refused += !judge(throttle, {1, 0}, Priority::normal, now).admitted;
    return refused;
  };
  CHECK(refused_of_100(0.9) == 0);
  CHECK(refused_of_100(1.2) == 20);
  CHECK(refused_of_100(1.8) == 80);
  CHECK(refused_of_100(2.5) == 100);
}

TEST_CASE("low priority is rejected first") {
  Sandbox box;
  box.state.settings.units_limit = 10;
  for (int i = 0; i < 10; ++i)
    box.graph("GET", "/groups/" + box.group);
  box.extra = {{"x-ms-throttle-priority", "low"}};
  CHECK(box.graph("GET", "/groups/" + box.group).status == 429);
  box.extra = {};
  CHECK(box.graph("GET", "/groups/" + box.group).status == 200);
}

TEST_CASE("writes have a quota of their own, part by part") {
  Sandbox box;
  box.state.settings.writes_limit = 1;
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
    CHECK(one["headers"]["x-ms-throttle-scope"].get<std::string>().starts_with("Tenant_Application/Write/"));
  }
  CHECK(throttled == 3);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 200);
  const Json stats = Json::parse(box.send("GET", "/sandbox/stats").body);
  CHECK(stats["http"] == 2);
  CHECK(stats["writes"] == 4);
  CHECK(stats["throttled"] == 3);
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
