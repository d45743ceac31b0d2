#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"

#include <functional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace rollcall::worker {

/// A run as its worker sees it: claimed, with what was asked.
struct Run {
  Uuid id;
  Uuid organization_id;
  std::string tenant_id;
  std::string operation;
  std::string caller_identity;
  Json parameters;
  int attempt = 1;       ///< 1 on the first claim
  bool resumed = false;  ///< an earlier attempt may have left something half done
  /// Of the plan an operator approved, while the approval is valid; empty: none.
  std::string approved_digest;
  Json carried;  ///< what an earlier attempt left with RunContext::carry(); null: nothing
};

// What a handler answers. The loop alone retries, parks, publishes and commits.
struct Done {
  Json result;
  /// Stored in the outbox with the run's last state, in one transaction.
  std::vector<kafka::Message> publish = {};
};
struct RetryAfter {
  std::string code, message;
  std::chrono::milliseconds delay{0};
};  ///< an attempt is spent; 0: the loop's backoff
struct WaitUntil {
  std::string code, message;
  WallTime resume_at;
};  ///< no attempt is spent
struct NeedsApproval {
  std::string code, message, digest;
  Json result;
};
struct Failed {
  std::string code, message;
  Json result;
};  ///< never again
using Outcome = std::variant<Done, RetryAfter, WaitUntil, NeedsApproval, Failed>;

/// What a running handler may do besides thinking. One per run, used by its lane's thread.
class RunContext {
 public:
  virtual ~RunContext() = default;
  /// One transaction: checks that this worker still holds the run and that nobody cancelled it, runs `write`,
  /// stores `publish` in the outbox, commits, then publishes. Throws Error{conflict,"claim_lost"} or
  /// Error{conflict,"cancelled"}: let it pass through, the loop knows what to do.
  virtual void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                          std::vector<kafka::Message> publish = {}) = 0;
  /// Before something that cannot be taken back: throws as checkpoint() does where the run is no longer ours.
  /// Asks the database only where it has not confirmed the claim for a while, as in a process that was
  /// stopped and goes on.
  virtual void confirm() = 0;
  /// What the next attempt of this run shall find in Run::carried, should there be one: stored with the next
  /// checkpoint and when the attempt ends.
  virtual void carry(Json object) = 0;
  /// Told to callers at most a few times a second.
  virtual void progress(long done, long total) = 0;
  /// Requested when the process stops, the run was cancelled or another worker holds it: finish the piece in
  /// hand, then answer WaitUntil{now}. The loop knows which it was.
  [[nodiscard]] virtual std::stop_token stop() const = 0;
};

/// Called from several lanes at once, never for two runs of one organization at a time. Throwing Error is
/// answering by its fault: transient, conflict → RetryAfter; throttled → WaitUntil; invalid, denied,
/// not_found, config → Failed.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Outcome handle(const Run& run, RunContext& context) = 0;
  /// A tick: the commands it stands for. They are queued as bulk work; run ids derive from tick and
  /// organization. May take long and ask outside services: throwing transient, conflict or throttled leads to
  /// being called again with the same tick, after Error::retry_after() where it says so, until `stop`; then
  /// the tick comes again to whoever reads the topic next. Anything else buries the tick.
  virtual std::vector<Json> expand(const Json& tick, const std::stop_token& stop) = 0;
};

}  // namespace rollcall::worker
