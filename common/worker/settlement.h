#pragma once
#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/worker/handler.h"

#include <optional>
#include <string>

namespace rollcall::worker {

/// What becomes of a run: its next state, as plain data.
struct Settlement {
  std::string state;
  std::optional<WallTime> resume_at;
  bool refund_attempt = false;
  Json result;  ///< object or null
  std::string code, message;
  std::string outcome;  ///< of finished runs
  std::string event;    ///< for ops.run_events
  Json carried{};       ///< for the next attempt: object or null
  std::vector<kafka::Message> publish{};
};

/// How long and how often an operation is tried, and whether equal commands are one.
struct RetryPolicy {
  int attempts_max = 10;
  Backoff backoff{};
  /// Since it was first asked for. Waiting spends no attempt, so something must end what waits for ever.
  std::chrono::milliseconds age_max = std::chrono::hours{24 * 7};
  /// Asking for it twice before it has begun is asking once. False: each command counts.
  bool joins = true;
};

/// The one table from what a handler answers to what its run becomes. Pure; `random` is in [0, 1).
Settlement settlement_of(Outcome outcome, int attempt, WallTime created_at, const RetryPolicy& policy,
                         WallTime now, double random);
/// For a run that is older than its policy allows.
Settlement expired(const RetryPolicy& policy);
/// What throwing `error` answers.
Outcome outcome_of(const Error& error, WallTime now, std::chrono::milliseconds backoff);
Settlement cancelled();
/// Given back unbegun: queued again, no attempt spent.
Settlement released();
/// For a run whose settlement PostgreSQL refuses (a NUL character in a result): failed, in words it takes.
Settlement unstorable(const std::string& why);

}  // namespace rollcall::worker
