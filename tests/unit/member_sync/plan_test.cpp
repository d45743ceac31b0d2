#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

#include <algorithm>

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

const std::vector<RemovalPolicy> policies{RemovalPolicy::keep, RemovalPolicy::remove_departed,
                                          RemovalPolicy::mirror};

std::set<unsigned> some_numbers() {
  return *rc::gen::container<std::set<unsigned>>(rc::gen::inRange(0U, 60U));
}

Ids apply(const Ids& group, const Plan& plan) {
  std::vector<RecentWrite> writes;
  for (const Uuid& added : plan.adds)
    writes.push_back({added, true});
  for (const Uuid& removed : plan.removals)
    writes.push_back({removed, false});
  return overlay(group, writes);
}

}  // namespace

TEST_CASE("the removal policy decides who leaves and who is only flagged") {
  const Ids roster = ids({1, 2, 3}), departed = ids({4}), group = ids({2, 4, 5, 6}), untouched = ids({6});
  struct Case {
    const char* word;
    Ids removals, unmatched;
  };
  const std::vector<Case> cases{{"keep", {}, ids({4, 5})},
                                {"remove-departed", ids({4}), ids({5})},
                                {"mirror", ids({4, 5}), {}},
                                {"no such policy", {}, ids({4, 5})}};
  for (const Case& one : cases) {
    INFO(one.word);
    const Plan plan = make_plan({roster, departed, group, untouched, removal_policy(one.word)});
    CHECK(plan.adds == ids({1, 3}));
    CHECK(plan.removals == one.removals);
    CHECK(plan.unmatched == one.unmatched);
  }
}

TEST_CASE("who came back to the roster is not removed as departed") {
  const Ids both = ids({1});
  CHECK(make_plan({both, both, both, {}, RemovalPolicy::remove_departed}).empty());
}

TEST_CASE("a plan survives its document, and a mangled document is refused") {
  const Plan plan{ids({1, 2}), ids({3}), ids({4})};
  CHECK(plan_from_json(to_json(plan)).value() == plan);
  Json mangled = to_json(plan);
  mangled["removals"].push_back("not an id");
  CHECK_FALSE(plan_from_json(mangled).has_value());
  Json both = to_json(plan);
  both["removals"] = both["adds"];
  CHECK_FALSE(plan_from_json(both).has_value());
  CHECK_FALSE(plan_from_json(Json::array()).has_value());
}

TEST_CASE("the digest's text depends on group and changes, not on who is unmatched") {
  const Plan plan{ids({1}), ids({3}), {}};
  Plan flagged = plan;
  flagged.unmatched = ids({9});
  CHECK(canonical_text(group_id, plan) == canonical_text(group_id, flagged));
  CHECK(canonical_text(group_id, plan) != canonical_text(id(7), plan));
  CHECK(canonical_text(group_id, plan) != canonical_text(group_id, {ids({3}), ids({1}), {}}));
}

TEST_CASE("recent writes lie over a listing") {
  const std::vector<RecentWrite> writes{{id(9), true}, {id(2), false}, {id(1), true}, {id(8), false}};
  CHECK(overlay(ids({1, 2, 3}), writes) == ids({1, 3, 9}));
  CHECK(overlay(ids({1, 2, 3}), {}) == ids({1, 2, 3}));
}

TEST_CASE("properties of plans") {
  CHECK(rc::check("applying a plan reaches the target, and planning again finds nothing", [] {
    const Ids roster = ids(some_numbers()), departed = ids(some_numbers()), group = ids(some_numbers());
    const Ids untouched = ids(some_numbers());
    const auto policy = *rc::gen::elementOf(policies);
    const Plan plan = make_plan({roster, departed, group, untouched, policy});
    const Ids after = apply(group, plan);
    RC_ASSERT(count_common(roster, after) == roster.size());
    RC_ASSERT(make_plan({roster, departed, after, untouched, policy}).empty());
    if (policy == RemovalPolicy::mirror)  // and nobody else is left, but those who must not be touched
      RC_ASSERT(std::ranges::all_of(after, [&](const Uuid& one) {
        return std::ranges::binary_search(roster, one) || std::ranges::binary_search(untouched, one);
      }));
  }));
  CHECK(rc::check("the three lists are sorted and share nobody; nobody on the roster leaves", [] {
    const Ids roster = ids(some_numbers()), departed = ids(some_numbers()), group = ids(some_numbers());
    const Plan plan = make_plan({roster, departed, group, {}, *rc::gen::elementOf(policies)});
    for (const Ids* list : {&plan.adds, &plan.removals, &plan.unmatched})
      RC_ASSERT(std::ranges::is_sorted(*list));
    RC_ASSERT(count_common(plan.adds, plan.removals) == 0U);
    RC_ASSERT(count_common(plan.removals, plan.unmatched) == 0U);
    RC_ASSERT(count_common(plan.removals, roster) == 0U);
    RC_ASSERT(count_common(plan.removals, group) == plan.removals.size());
  }));
}
