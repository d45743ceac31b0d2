#include "common/worker/settlement.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::worker;
using std::chrono::milliseconds;

namespace {
const WallTime now{milliseconds{1'000'000}};
const RetryPolicy policy{3, Backoff{}};
Settlement settle(const Outcome& outcome, int attempt = 1) {
  return settlement_of(outcome, attempt, now, policy, now, 0.5);
}
}  // namespace

TEST_CASE("every answer of a handler has its state") {
  CHECK(settle(Done{{{"added", 1}}}).state == "succeeded");
  CHECK(settle(Done{}).outcome == "ok");
  CHECK(settle(Failed{"group_not_found", "gone", nullptr}).code == "group_not_found");
  const auto asks = settle(NeedsApproval{"guard_removals", "too many", "d1", {{"removed", 9}}});
  CHECK(asks.state == "needs_approval");
  CHECK(asks.result == Json{{"removed", 9}, {"plan_digest", "d1"}});
}

TEST_CASE("a retry waits with backoff and spends an attempt, until none is left") {
  const auto waiting = settle(RetryAfter{"graph_unavailable", "no answer"});
  CHECK(waiting.state == "waiting");
  CHECK(*waiting.resume_at > now);
  CHECK_FALSE(waiting.refund_attempt);
  CHECK(*settle(RetryAfter{"x", "y", milliseconds{70}}).resume_at == now + milliseconds{70});
  CHECK(settle(RetryAfter{"x", "y"}, 3).code == "attempts_exhausted");
  CHECK(settle(RetryAfter{"x", "y"}, 3).state == "failed");
}

TEST_CASE("waiting for a given time spends no attempt") {
  const auto waiting = settle(WaitUntil{"throttled", "pause", now + milliseconds{9}}, 99);
  CHECK(waiting.state == "waiting");
  CHECK(waiting.refund_attempt);
  CHECK(*waiting.resume_at == now + milliseconds{9});
}

TEST_CASE("what a handler throws answers by its fault") {
  const auto of = [](Fault fault) {
    return outcome_of(Error(fault, "c", "m", milliseconds{5}), now, milliseconds{50});
  };
  CHECK(std::holds_alternative<RetryAfter>(of(Fault::transient)));
  CHECK(std::holds_alternative<RetryAfter>(of(Fault::conflict)));
  CHECK(std::get<WaitUntil>(of(Fault::throttled)).resume_at == now + milliseconds{5});
  for (const auto fault : {Fault::invalid, Fault::denied, Fault::not_found, Fault::config}) {
    CHECK(std::get<Failed>(of(fault)).code == "c");
  }
}
