#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

const std::vector<RemovalPolicy> policies{RemovalPolicy::keep, RemovalPolicy::remove_departed,
                                          RemovalPolicy::mirror};

constexpr unsigned people = 60;

/// Each person is in or out by a toss, in every case: rapidcheck alone begins with nearly empty sets.
std::set<unsigned> some_numbers() {
  std::set<unsigned> numbers;
  const auto in = *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>());
  for (unsigned person = 0; person < people; ++person)
    if ((in >> person) & 1U) numbers.insert(person);
  return numbers;
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
  CHECK(canonical_text(group_id, {ids({1}), {}, {}}) != canonical_text(group_id, {{}, ids({1}), {}}));
}

TEST_CASE("recent writes lie over a listing") {
  const std::vector<RecentWrite> writes{{id(9), true}, {id(2), false}, {id(1), true}, {id(8), false}};
  CHECK(overlay(ids({1, 2, 3}), writes) == ids({1, 3, 9}));
  CHECK(overlay(ids({1, 2, 3}), {}) == ids({1, 2, 3}));
}

TEST_CASE("properties of plans") {
  CHECK(rc::check("everyone is where the rules, read person by person, put them", [] {
    const auto roster = some_numbers(), departed = some_numbers(), group = some_numbers();
    const auto untouched = some_numbers();
    const auto policy = *rc::gen::elementOf(policies);
    Plan expected;
    for (unsigned person = 0; person < people; ++person) {
      const bool wanted = roster.contains(person), present = group.contains(person);
      if (wanted && !present) expected.adds.push_back(id(person));
      if (wanted || !present || untouched.contains(person)) continue;
      const bool leaves = policy == RemovalPolicy::mirror ||
                          (policy == RemovalPolicy::remove_departed && departed.contains(person));
      (leaves ? expected.removals : expected.unmatched).push_back(id(person));
    }
    RC_ASSERT(make_plan({ids(roster), ids(departed), ids(group), ids(untouched), policy}) == expected);
  }));
  CHECK(rc::check("applying a plan reaches the target, and planning again finds nothing", [] {
    const Ids roster = ids(some_numbers()), departed = ids(some_numbers()), group = ids(some_numbers());
    const Ids untouched = ids(some_numbers());
    const auto policy = *rc::gen::elementOf(policies);
    const Plan plan = make_plan({roster, departed, group, untouched, policy});
    const Ids after = apply(group, plan);
    RC_ASSERT(count_common(roster, after) == roster.size());
    RC_ASSERT(make_plan({roster, departed, after, untouched, policy}).empty());
  }));
  CHECK(rc::check("writes lie over a listing person by person", [] {
    const auto listing = some_numbers();
    std::vector<RecentWrite> writes;
    std::set<unsigned> expected = listing;
    for (const unsigned person : some_numbers()) {
      writes.push_back({id(person), *rc::gen::arbitrary<bool>()});
      writes.back().present ? void(expected.insert(person)) : void(expected.erase(person));
    }
    std::ranges::reverse(writes);  // they come in the order of their time, not of their ids
    RC_ASSERT(overlay(ids(listing), writes) == ids(expected));
  }));
  CHECK(rc::check("who is in two lists is counted once, and a list in any order becomes sorted", [] {
    const auto a = some_numbers(), b = some_numbers();
    RC_ASSERT(static_cast<long>(count_common(ids(a), ids(b))) ==
              std::ranges::count_if(a, [&](unsigned person) { return b.contains(person); }));
    Ids shuffled;
    for (const Ids& part : {ids(b), ids(a), ids(b)})
      shuffled.insert(shuffled.end(), part.begin(), part.end());
    normalize(shuffled);
    std::set<unsigned> both = a;
    both.insert(b.begin(), b.end());
    RC_ASSERT(shuffled == ids(both));
  }));
  CHECK(rc::check("a plan survives its document; its text tells every other plan of changes from it", [] {
    const Ids roster = ids(some_numbers()), group = ids(some_numbers());
    const Plan plan = make_plan({roster, {}, group, {}, *rc::gen::elementOf(policies)});
    RC_ASSERT(plan_from_json(to_json(plan)).value() == plan);
    const Plan other = make_plan({ids(some_numbers()), {}, group, {}, *rc::gen::elementOf(policies)});
    RC_ASSERT((canonical_text(group_id, plan) == canonical_text(group_id, other)) ==
              (plan.adds == other.adds && plan.removals == other.removals));
  }));
}
