#include "workers/member_sync/core/guards.h"

#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

std::string code(const Json& overrides, unsigned removals, std::size_t roster, std::size_t group) {
  const Plan plan{ids({}), range(1, removals), {}};
  const auto problem = tripped_guard(guards_from_json(overrides), plan, roster, group);
  return problem ? problem->code : "";
}

}  // namespace

TEST_CASE("guards trip on removals only, beyond count or share, with a floor for small groups") {
  struct Case {
    const char* why;
    Json overrides;
    unsigned removals;
    std::size_t roster, group;
    const char* code;
  };
  const Json none = Json::object();
  const std::vector<Case> cases{
      {"no removals at all", none, 0, 0, 100, ""},
      {"at the floor every share is allowed", none, 10, 5, 12, ""},
      {"above the floor and above the share", none, 11, 5, 54, "guard_removals"},
      {"exactly the share", none, 20, 80, 100, ""},
      {"one more than the share", none, 21, 80, 100, "guard_removals"},
      {"the count, though the share is small", none, 1001, 99'000, 100'000, "guard_removals"},
      {"exactly the count", none, 1000, 99'000, 100'000, ""},
      {"an empty roster, however few", none, 1, 0, 1, "guard_empty_roster"},
      {"an empty roster, allowed", {{"empty_roster", {{"off", true}}}}, 1, 0, 1, ""},
      {"an empty roster allowed, still many",
       {{"empty_roster", {{"off", true}}}},
       50,
       0,
       50,
       "guard_removals"},
      {"off", {{"removals", {{"off", true}}}}, 5000, 1, 5000, ""},
      {"off does not cover the empty roster", {{"removals", {{"off", true}}}}, 1, 0, 5, "guard_empty_roster"},
      {"a wider share", {{"removals", {{"share", 0.5}}}}, 40, 60, 100, ""},
      {"a lower floor", {{"removals", {{"floor", 0}}}}, 1, 3, 4, "guard_removals"},
      {"a lower count", {{"removals", {{"count", 2}}}}, 3, 90, 100, "guard_removals"},
      {"nonsense keeps the default",
       {{"removals", {{"share", 20}, {"floor", -1}, {"off", "yes"}}}},
       21,
       80,
       100,
       "guard_removals"},
      {"not even an object", Json::array(), 21, 80, 100, "guard_removals"},
  };
  for (const Case& one : cases) {
    INFO(one.why);
    CHECK(code(one.overrides, one.removals, one.roster, one.group) == one.code);
  }
}

TEST_CASE("a tripped guard says its figures") {
  const auto problem = tripped_guard({}, {{}, range(1, 30), {}}, 70, 100);
  REQUIRE(problem);
  CHECK(problem->message == "30 of 100 members would be removed, more than 20 % of the group");
}
