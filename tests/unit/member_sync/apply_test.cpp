#include "workers/member_sync/core/apply.h"

#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

SteadyTime at(long ms) {
  return SteadyTime{std::chrono::milliseconds{ms}};
}

Plan make(unsigned adds, unsigned removals) {
  return {range(1, adds), range(1'000'000, removals), {}};
}

/// Graph as the facts describe it: binds are all or nothing, answers may be lost, parts fail at random.
class Service {
 public:
  Service(std::set<Uuid> members, std::set<Uuid> deleted)
      : members_(std::move(members)), deleted_(std::move(deleted)) {}

  Answer answer(const Step& step, const Plan& plan, unsigned dice) {
    if (dice < 8) return {std::vector<int>{0, 429, 500, 503, 424, 409, 502, 423}[dice], "", "", {}};
    const Answer truth = write(step, plan);
    return dice == 8 ? Answer{} : truth;  // applied, but the answer is lost
  }
  [[nodiscard]] const std::set<Uuid>& members() const { return members_; }

 private:
  Answer write(const Step& step, const Plan& plan) {
    if (step.kind == StepKind::remove_one)
      return members_.erase(plan.member(step.changes[0])) > 0
                 ? Answer{204, "", "", {}}
                 : Answer{400, "", "One or more removed object references do not exist", {}};
    for (const auto change : step.changes) {
      if (deleted_.contains(plan.member(change)))
        return {404, "", "Resource '" + plan.member(change).to_string() + "' does not exist", {}};
      if (members_.contains(plan.member(change)))
        return {400, "", "One or more added object references already exist", {}};
    }
    for (const auto change : step.changes)
      members_.insert(plan.member(change));
    return {204, "", "", {}};
  }
  std::set<Uuid> members_, deleted_;
};

/// Runs a queue to its end against the service; what was settled, by change.
std::map<std::uint32_t, std::string> run(ApplyQueue& queue, const Plan& plan, Service& service,
                                         const std::function<unsigned()>& dice) {
  std::map<std::uint32_t, std::string> settled;
  for (long now = 0; !queue.empty(); ++now) {
    RC_ASSERT(now < 100'000);  // it must come to an end
    const Batch batch = queue.next_batch(at(now));
    bool overloaded = false;
    for (const Step& step : batch.steps) {
      Judgement judgement = judge(step, service.answer(step, plan, dice()), plan, group_id);
      overloaded = overloaded || judgement.overloaded;
      for (const Settled& one : judgement.settled) {
        if (one.passing() || one.code == "graph_refused") {  // the run would be tried again
          queue.push_later(
              {{plan.is_add(one.change) ? StepKind::add_one : StepKind::remove_one, {one.change}, 0, true}},
              at(now + 1));
        } else {
          RC_ASSERT(settled.emplace(one.change, one.code).second);
        }
      }
      judgement.later ? queue.push_later(std::move(judgement.again), at(now + 3))
                      : queue.push(std::move(judgement.again));
    }
    queue.finished(batch, overloaded);
  }
  return settled;
}

}  // namespace

TEST_CASE("packing meets the floor of requests, and sends every change once") {
  CHECK(rc::check("floor", [] {
    const auto adds = *rc::gen::inRange(0U, 900U);
    const auto removals = *rc::gen::inRange(0U, 200U);
    const int overloads = *rc::gen::inRange(0, 4);
    const Plan plan = make(adds, removals);
    ApplyQueue queue{plan, {}, false};
    for (int i = 0; i < overloads; ++i)
      queue.finished({{}, queue.patch_cap()}, true);
    const auto cap = static_cast<unsigned>(queue.patch_cap());
    std::multiset<std::uint32_t> sent;
    unsigned batches = 0;
    for (Batch batch = queue.next_batch(at(0)); !batch.steps.empty(); batch = queue.next_batch(at(0))) {
      ++batches;
      RC_ASSERT(batch.steps.size() <= 20U);
      for (const Step& step : batch.steps)
        sent.insert(step.changes.begin(), step.changes.end());
    }
    const unsigned patches = (adds + 19) / 20;
    RC_ASSERT(batches == std::max((patches + cap - 1) / cap, (patches + removals + 19) / 20));
    RC_ASSERT(sent.size() == plan.size());
    RC_ASSERT(std::set<std::uint32_t>(sent.begin(), sent.end()).size() == plan.size());
  }));
}

TEST_CASE("whatever happens to batches, no change is lost, doubled or early, and no batch is too large") {
  CHECK(rc::check("the queue holds what is left of a list of all changes", [] {
    std::mt19937 random{*rc::gen::arbitrary<unsigned>()};
    const auto dice = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    const Plan plan = make(dice(500), dice(150));
    std::vector<std::uint32_t> checkpointed;
    std::set<std::uint32_t> left;
    for (std::uint32_t change = 0; change < plan.size(); ++change)
      dice(4) == 0 ? checkpointed.push_back(change) : void(left.insert(change));
    std::ranges::shuffle(checkpointed, random);
    checkpointed.push_back(static_cast<std::uint32_t>(plan.size()));  // of an older plan: not ours
    ApplyQueue queue{plan, checkpointed, true};
    std::map<std::uint32_t, long> not_before;
    long now = 0;
    for (; !left.empty() && now < 2000; ++now) {
      const int cap = queue.patch_cap();
      RC_ASSERT((cap >= 1 && cap <= 20));
      Batch batch = queue.next_batch(at(now));
      RC_ASSERT(batch.cap == cap);
      RC_ASSERT(batch.steps.size() <= 20U);
      RC_ASSERT(std::ranges::count(batch.steps, StepKind::add_many, &Step::kind) <= cap);
      std::set<std::uint32_t> taken;
      for (const Step& step : batch.steps) {
        RC_ASSERT((!step.changes.empty() && step.changes.size() <= 20));
        RC_ASSERT((step.kind == StepKind::add_many || step.changes.size() == 1));
        RC_ASSERT(step.maybe_applied);
        for (const auto change : step.changes) {
          RC_ASSERT(plan.is_add(change) == (step.kind != StepKind::remove_one));
          RC_ASSERT(left.contains(change));
          RC_ASSERT(taken.insert(change).second);
          RC_ASSERT(not_before[change] <= now);
        }
      }
      // What was due has come; where nothing can be sent, the queue says until when.
      if (const auto due = queue.next_due()) RC_ASSERT(*due > at(now));
      if (batch.steps.empty()) RC_ASSERT(queue.next_due().has_value());
      const bool overloaded = dice(8) == 0;
      if (dice(10) == 0) {  // not sent after all
        queue.put_back(std::move(batch));
        continue;
      }
      for (const Step& step : batch.steps) {
        const auto fate = dice(5);
        if (fate == 0) {
          queue.push({step});
        } else if (fate == 1) {
          const long due = now + 1 + dice(20);
          for (const auto change : step.changes)
            not_before[change] = due;
          queue.push_later({step}, at(due));
        } else if (fate == 2 && step.kind == StepKind::add_many) {  // taken apart
          for (const auto change : step.changes)
            queue.push({{StepKind::add_one, {change}, 0, true}});
        } else {
          for (const auto change : step.changes)
            left.erase(change);
        }
      }
      queue.finished(batch, overloaded);
      if (!overloaded) RC_ASSERT((queue.patch_cap() == cap || queue.patch_cap() == cap + 1));
      if (overloaded) RC_ASSERT(queue.patch_cap() == std::max(1, cap / 2));
      RC_ASSERT(queue.empty() == left.empty());
    }
    RC_ASSERT(left.empty());
  }));
}

TEST_CASE("the cap falls on overload, once for what was under way, and grows back slowly") {
  PatchCap cap;
  for (int i = 0; i < 10; ++i)
    cap.observe(20, 20, false);
  CHECK(cap.value() == 20);  // a batch has no more parts
  cap.observe(20, 20, true);
  cap.observe(20, 20, true);  // sent before the fall
  CHECK(cap.value() == 10);
  for (int i = 0; i < 9; ++i)
    cap.observe(cap.value(), cap.value(), true);
  CHECK(cap.value() == 1);
  for (int i = 0; i < 4; ++i)
    cap.observe(1, 1, false);
  CHECK(cap.value() == 2);
  for (int i = 0; i < 40; ++i)
    cap.observe(2, 1, false);  // a batch below the cap proves nothing
  CHECK(cap.value() == 2);
}

TEST_CASE("single additions go beside the cap, which holds for whole PATCHes alone") {
  ApplyQueue queue{make(100, 0), {}, false};
  for (int i = 0; i < 5; ++i)
    queue.finished({{}, queue.patch_cap()}, true);
  for (std::uint32_t change = 100; change < 107; ++change)
    queue.push({{StepKind::add_one, {change}, 0, true}});
  const Batch batch = queue.next_batch(at(0));
  CHECK(queue.patch_cap() == 1);
  CHECK(std::ranges::count(batch.steps, StepKind::add_many, &Step::kind) == 1);
  CHECK(std::ranges::count(batch.steps, StepKind::add_one, &Step::kind) == 7);
}

TEST_CASE("a resumed queue leaves finished changes out and doubts the rest") {
  const Plan plan = make(3, 1);
  ApplyQueue queue{plan, std::vector<std::uint32_t>{1, 3}, true};
  const Batch batch = queue.next_batch(at(0));
  REQUIRE(batch.steps.size() == 1);
  CHECK(batch.steps[0].changes == std::vector<std::uint32_t>{0, 2});
  CHECK(batch.steps[0].maybe_applied);
}

TEST_CASE("steps wait for their time, and a batch that was not sent comes again") {
  const Plan plan = make(1, 1);
  ApplyQueue queue{plan, {}, false};
  Batch batch = queue.next_batch(at(0));
  CHECK(queue.empty());
  queue.push_later({batch.steps[0]}, at(50));
  CHECK(queue.next_due() == at(50));
  CHECK(queue.next_batch(at(49)).steps.empty());
  CHECK(queue.next_batch(at(50)).steps.size() == 1);
  queue.put_back(std::move(batch));
  CHECK(queue.next_batch(at(50)).steps.size() == 2);
}

TEST_CASE("a service that fails at random ends equal to the plan") {
  CHECK(rc::check("random failures", [] {
    const Plan plan = make(*rc::gen::inRange(0U, 150U), *rc::gen::inRange(0U, 60U));
    std::mt19937 random{*rc::gen::arbitrary<unsigned>()};
    std::set<Uuid> before{plan.removals.begin(), plan.removals.end()};
    std::set<Uuid> deleted;
    for (std::size_t i = 0; i < plan.adds.size(); ++i) {
      const auto fate = random() % 20;
      if (fate == 0) before.insert(plan.adds[i]);   // somebody else was faster
      if (fate == 1) deleted.insert(plan.adds[i]);  // the account is gone
    }
    for (const Uuid& gone : plan.removals)
      if (random() % 10 == 0) before.erase(gone);
    Service service{before, deleted};
    ApplyQueue queue{plan, {}, *rc::gen::arbitrary<bool>()};
    const auto settled = run(queue, plan, service, [&] { return static_cast<unsigned>(random() % 25); });

    RC_ASSERT(settled.size() == plan.size());
    std::set<Uuid> expected;
    for (const Uuid& added : plan.adds)
      if (!deleted.contains(added)) expected.insert(added);
    RC_ASSERT(service.members() == expected);
    for (const auto& [change, code] : settled)
      RC_ASSERT((code == "member_not_found") ==
                (plan.is_add(change) && deleted.contains(plan.member(change))));
  }));
}
