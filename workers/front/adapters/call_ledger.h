#pragma once
#include "common/auth/caller.h"
#include "common/core/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"
#include "workers/front/adapters/pool.h"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Calls of agents on record: each, allowed or refused, is a row in ops.runs (kind 'call') and an audit event
/// (agent_call). The row of a call that is let through stands, durably, before anything happens; the outcome
/// and the audit event come in one transaction afterwards.
namespace rollcall::front {

/// A call as it is known before anything happens.
struct AgentCall {
  std::string surface;    ///< through what it came: "copilot", "mcp"; ops.runs.worker
  std::string operation;  ///< the action or tool; unknown_operation where there is none of the name given
  auth::Caller caller;    ///< empty: nobody that is known ("anonymous")
  std::string parameters_hash = {};  ///< of what core/sanitize.h leaves: runs::parameters_hash()
  std::string traceparent = {};
};
/// What a caller made up is not kept.
inline constexpr const char* unknown_operation = "unknown";

/// How a call ended. Its text is the caller's; on record stands what holds no personal data.
struct Settlement {
  int status = 200;                          ///< in the words of HTTP
  std::string code = {};                     ///< a reason (common/core/reasons.h); empty: success
  std::optional<long> items = std::nullopt;  ///< of a list
};

struct BegunCall {
  Uuid id;
  SteadyTime at;
  AgentCall call;
};

/// Calls that come together are written together (gatherer.h); one alone waits for none. Callable from any
/// thread; never blocks. Answers come on threads of the pool. Copies are the same ledger.
class CallLedger {
 public:
  struct Parts {
    postgres::Database& database;
    runs::OutboxPublisher& outbox;
    Pool& pool;
    const Clock& clock;
    metrics::Registry& metrics;
    std::string tenant_id;  ///< whose operators see calls of nobody known
    std::string instance;   ///< of this process among the living
  };
  explicit CallLedger(Parts parts);

  /// With the call's row standing, or with why it does not (an Error, as PostgreSQL or the pool has it): then
  /// nothing may be done for the call.
  using OnBegun = std::function<void(const BegunCall&, const std::exception_ptr&)>;
  void begin(AgentCall call, OnBegun done) const;

  /// `done` comes in any case: what was done cannot be undone because its record failed. What failed is
  /// logged, and the row settled as call_interrupted later on.
  void settle(BegunCall call, Settlement how, std::function<void()> done) const;
  /// A call that is not let through. Of those of nobody known, and of those that come too fast, only a few a
  /// second are written; the metric counts all.
  void refuse(AgentCall call, Settlement how, std::function<void()> done) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Calls whose front died, by what the living say, before their outcome was on record: failed with
/// call_interrupted. A front that was only slow finds its call settled, and leaves it so.
std::vector<runs::Stored> settle_interrupted_calls(postgres::Transaction& transaction, WallTime now);

}  // namespace rollcall::front
