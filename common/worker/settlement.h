#pragma once
#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/worker/commit_tracker.h"
#include "common/worker/handler.h"

#include <optional>
#include <string>

namespace rollcall::worker {

/// A run this process holds: the claim is what lets it write.
struct Claimed {
  Run run;
  Uuid claim;
  std::string traceparent;
  bool cancel_requested = false;
  bool urgent = true;
  Ticket ticket;
};

/// What becomes of a run: its next state, as plain data.
struct Settlement {
  std::string state;
  std::optional<WallTime> resume_at;
  bool refund_attempt = false;
  Json result;  ///< object or null
  std::string code, message;
  std::string outcome;  ///< of finished runs
  std::string event;    ///< for ops.run_events
};

struct SettleRules {
  int attempts_max = 10;
  Backoff backoff{};
};

/// The one table from what a handler answers to what its run becomes. Pure; `random` is in [0, 1).
Settlement settlement_of(const Outcome& outcome, int attempt, const SettleRules& rules, WallTime now,
                         double random);
/// What throwing `error` answers.
Outcome outcome_of(const Error& error, WallTime now, std::chrono::milliseconds backoff);
Settlement cancelled();
/// Given back unbegun: queued again, no attempt spent.
Settlement released();
/// For a run whose settlement PostgreSQL refuses (a NUL character in a result): failed, in words it takes.
Settlement unstorable(const std::string& why);

}  // namespace rollcall::worker
