#include "common/worker/settlement.h"

#include <utility>

namespace rollcall::worker {
namespace {

struct Judge {
  int attempt;
  WallTime created_at;
  const RetryPolicy& policy;
  WallTime now;
  double random;

  static Settlement finished(const char* state, const char* outcome, Json result, std::string code,
                             std::string message) {
    return {state,           std::nullopt,       false,   std::move(result),
            std::move(code), std::move(message), outcome, state};
  }

  Settlement operator()(Done&& done) const {
    auto settlement = finished("succeeded", "ok", std::move(done.result), {}, {});
    settlement.publish = std::move(done.publish);
    return settlement;
  }

  Settlement operator()(RetryAfter&& retry) const {
    if (attempt >= policy.attempts_max) {
      return finished(
          "failed", "failed", nullptr, "attempts_exhausted",
          "Attempt " + std::to_string(attempt) + " failed too: " + retry.code + ": " + retry.message);
    }
    const auto delay = retry.delay.count() > 0 ? retry.delay : policy.backoff.delay(attempt, random);
    return waiting(now + delay, false, std::move(retry.code), std::move(retry.message), "attempt_failed");
  }

  Settlement operator()(WaitUntil&& wait) const {
    return waiting(wait.resume_at, true, std::move(wait.code), std::move(wait.message), "waiting");
  }

  Settlement operator()(NeedsApproval&& asks) const {
    Json result = asks.result.is_object() ? std::move(asks.result) : Json::object();
    result["plan_digest"] = std::move(asks.digest);  // what approve() will name
    return {"needs_approval",        std::nullopt, false,           std::move(result), std::move(asks.code),
            std::move(asks.message), {},           "needs_approval"};
  }

  [[nodiscard]] Settlement waiting(WallTime resume_at, bool refund, std::string code, std::string message,
                                   const char* event) const {
    if (resume_at > created_at + policy.age_max) {
      auto settlement = expired(policy);
      settlement.message += " The last: " + code + ": " + message;
      return settlement;
    }
    return {"waiting", resume_at, refund, nullptr, std::move(code), std::move(message), {}, event};
  }

  Settlement operator()(Failed&& failed) const {
    return finished("failed", "failed", std::move(failed.result), std::move(failed.code),
                    std::move(failed.message));
  }
};

}  // namespace

Settlement settlement_of(Outcome outcome, int attempt, WallTime created_at, const RetryPolicy& policy,
                         WallTime now, double random) {
  return std::visit(Judge{attempt, created_at, policy, now, random}, std::move(outcome));
}

Settlement expired(const RetryPolicy& policy) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(policy.age_max).count();
  return Judge::finished("failed", "failed", nullptr, "run_expired",
                         "It could not be finished within " + std::to_string(hours) + " hours.");
}

Outcome outcome_of(const Error& error, WallTime now, std::chrono::milliseconds backoff) {
  switch (error.fault()) {
    case Fault::transient:
    case Fault::conflict:
      return RetryAfter{error.code(), error.what(),
                        error.retry_after().value_or(std::chrono::milliseconds{0})};
    case Fault::throttled:
      return WaitUntil{error.code(), error.what(), now + error.retry_after().value_or(backoff)};
    case Fault::invalid:
    case Fault::denied:
    case Fault::not_found:
    case Fault::config:
      break;
  }
  return Failed{error.code(), error.what(), nullptr};
}

Settlement cancelled() {
  return Judge::finished("cancelled", "cancelled", nullptr, "cancelled", "The run was cancelled.");
}

Settlement released() {
  return {"queued", std::nullopt, true, nullptr, {}, {}, {}, "queued"};
}

Settlement unstorable(const std::string& why) {
  return Judge::finished("failed", "failed", nullptr, "database_refused",
                         "The result could not be stored: " + why);
}

}  // namespace rollcall::worker
