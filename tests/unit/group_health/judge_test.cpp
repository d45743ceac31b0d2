#include "workers/group_health/core/judge.h"

#include "common/core/reasons.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::group_health;

namespace {

Look there(const Json& changes = Json::object()) {
  Look look;
  look.status = 200;
  look.properties = {{"id", "00000002-0000-4000-8000-000000000001"},
                     {"groupTypes", {"Unified"}},
                     {"mailEnabled", true},
                     {"securityEnabled", false},
                     {"onPremisesSyncEnabled", nullptr},
                     {"isAssignableToRole", nullptr},
                     {"owners", {{{"id", "a"}}}}};
  look.properties.update(changes);
  return look;
}

Look absent(int deleted_status, const std::string& deleted_at = {}) {
  Look look;
  look.status = 404;
  look.deleted_status = deleted_status;
  look.deleted_at = deleted_at;
  return look;
}

Look answered(int status) {
  Look look;
  look.status = status;
  look.message = "What Graph said.";
  return look;
}

}  // namespace

TEST_CASE("what Graph says of a group is one state with its reason, and each reason has a cure") {
  struct Case {
    Look look;
    State state;
    const char* reason;
  };
  const Json nobody = Json::array();
  const std::vector<Case> cases{
      {there(), State::healthy, ""},
      {there({{"owners", nobody}}), State::ownerless, "group_ownerless"},
      {there({{"groupTypes", {"Unified", "DynamicMembership"}}}), State::unmanageable, "group_dynamic"},
      {there({{"onPremisesSyncEnabled", true}}), State::unmanageable, "group_on_premises"},
      {there({{"groupTypes", nobody}}), State::unmanageable, "group_mail_enabled_security"},
      {there({{"isAssignableToRole", true}}), State::unmanageable, "group_role_assignable"},
      {there({{"onPremisesSyncEnabled", true}, {"owners", nobody}}), State::unmanageable,
       "group_on_premises"},
      {answered(403), State::unmanageable, "graph_not_permitted"},
      {absent(200, "2026-11-01T10:00:00Z"), State::soft_deleted, "group_deleted"},
      {absent(404), State::unreachable, "group_not_found"},
      {absent(403), State::unreachable, "graph_not_permitted"},
      {absent(503), State::unreachable, "graph_unavailable"},
      {answered(0), State::unreachable, "graph_unavailable"},
      {answered(503), State::unreachable, "graph_unavailable"},
      {answered(400), State::unreachable, "graph_refused"},
  };
  for (const auto& one : cases) {
    const Verdict verdict = judge(one.look, false);
    INFO(one.look.status << " " << one.look.deleted_status << " " << one.look.properties);
    CHECK(to_string(verdict.state) == std::string(to_string(one.state)));
    CHECK(verdict.reason == one.reason);
    CHECK(verdict.message.empty() == (one.state == State::healthy));
    CHECK(cure_for(verdict.reason).empty() == (one.state == State::healthy));
    // Only what is neither there nor among what was deleted counts on the way to being gone.
    CHECK(verdict.nowhere == (one.look.status == 404 && one.look.deleted_status == 404));
  }
}

TEST_CASE("a deleted group says until when it can be restored") {
  const auto verdict = judge(absent(200, "2026-11-01T10:00:00Z"), false);
  REQUIRE(verdict.restorable_until);
  CHECK(to_rfc3339(*verdict.restorable_until).starts_with("2026-12-01T10:00:00"));
  CHECK_FALSE(judge(absent(200, "yesterday"), false).restorable_until);
}

TEST_CASE("a group to which roles can be assigned is as any other to an app that may change it") {
  CHECK(judge(there({{"isAssignableToRole", true}}), true).state == State::healthy);
}

TEST_CASE("owners that were not to be had are not known, and nobody is said to be missing") {
  Look look = there();
  look.properties.erase("owners");
  CHECK(judge(look, false).state == State::healthy);
  CHECK_FALSE(judge(look, false).owners);
  CHECK(judge(there(), false).owners == 1);
}

TEST_CASE("the states have names that can be read back") {
  for (const State state : {State::healthy, State::ownerless, State::unmanageable, State::soft_deleted,
                            State::gone, State::unreachable})
    CHECK(parse_state(to_string(state)) == state);
  CHECK_FALSE(parse_state("well"));
}
