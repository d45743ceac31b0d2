#include "workers/front/adapters/call_ledger.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/runs/audit_event.h"
#include "workers/front/adapters/gatherer.h"
#include "workers/front/core/problem.h"
#include "workers/front/core/rate_limit.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>
#include <variant>

namespace rollcall::front {
namespace {

using postgres::value;

/// Of calls that cost a stranger nothing to make.
constexpr RateLimits recorded_refusals{2, 10};
constexpr const char* anonymous = "anonymous";
/// A front shows itself every other second; its calls are over long before.
constexpr auto interrupted_after = "2 minutes";
constexpr auto living_within = "1 minute";
constexpr auto interrupted_anyway = "1 hour";
constexpr int interrupted_at_once = 500;

struct Settling {
  BegunCall begun;
  Settlement how;
  bool fresh = false;  ///< has no row yet
};

std::string who(const AgentCall& call) {
  return call.caller.object_id.empty() ? anonymous : call.caller.identity();
}

struct Recorded {
  Uuid id;
  std::string tenant_id, actor, surface, operation, parameters_hash;
  int status = 0;  ///< 0: not known
  std::string code;
  long duration_ms = 0;
};

runs::AuditEntry audit_entry(const Recorded& call) {
  Json detail = {{"surface", call.surface},
                 {"operation", call.operation},
                 {"outcome", call.code.empty() ? "success" : "error"},
                 {"parameters_hash", call.parameters_hash},
                 {"duration_ms", call.duration_ms}};
  if (call.status != 0) detail["status"] = call.status;
  if (!call.code.empty()) detail["code"] = call.code;
  return {.tenant_id = call.tenant_id,
          .actor = call.actor,
          .action = "agent_call",
          .detail = std::move(detail),
          .subject = call.id.to_string(),
          .run_id = call.id};
}

}  // namespace

struct CallLedger::State : std::enable_shared_from_this<State> {
  using Begin = Gatherer<BegunCall, std::monostate>;
  using Settle = Gatherer<Settling, std::monostate>;

  explicit State(Parts given)
      : parts(std::move(given)),
        begins(parts.pool, [this](const std::vector<BegunCall>& calls) { return begin_all(calls); }),
        settles(parts.pool, [this](const std::vector<Settling>& all) { return settle_all(all); }),
        unrecorded(parts.metrics.counter("rollcall_agent_refusals_unrecorded_total",
                                         "Refused calls of agents that came too fast to be written down.")),
        refusals(recorded_refusals) {}

  [[nodiscard]] const std::string& tenant_of(const AgentCall& call) const {
    return call.caller.tenant_id.empty() ? parts.tenant_id : call.caller.tenant_id;
  }

  void insert(postgres::Transaction& transaction, const std::vector<const BegunCall*>& calls) const {
    if (calls.empty()) return;
    std::vector<Uuid> ids;
    std::vector<std::string> tenants, surfaces, operations, callers, hashes, traces;
    for (const auto* begun : calls) {
      const AgentCall& call = begun->call;
      ids.push_back(begun->id);
      tenants.push_back(tenant_of(call));
      surfaces.push_back(call.surface);
      operations.push_back(call.operation);
      callers.push_back(who(call));
      hashes.push_back(call.parameters_hash);
      traces.push_back(call.traceparent);
    }
    // Done again where a deadlock or a lost connection broke it off.
    transaction.execute(
        "INSERT INTO ops.runs (id, kind, state, tenant_id, worker, operation, caller_identity, "
        "parameters_hash, traceparent, claimed_by, started_at) SELECT u.id, 'call', 'pending', u.tenant, "
        "u.surface, u.operation, u.caller, u.hash, u.trace, $8, now() FROM unnest($1::uuid[], $2::text[], "
        "$3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS u(id, tenant, surface, operation, "
        "caller, hash, trace) ON CONFLICT (id) DO NOTHING",
        {postgres::array(ids), postgres::array(tenants), postgres::array(surfaces),
         postgres::array(operations), postgres::array(callers), postgres::array(hashes),
         postgres::array(traces), value(parts.instance)});
  }

  std::vector<std::monostate> begin_all(const std::vector<BegunCall>& calls) const {
    std::vector<const BegunCall*> all;
    for (const auto& call : calls)
      all.push_back(&call);
    parts.database.transact([&](postgres::Transaction& transaction) { insert(transaction, all); });
    return std::vector<std::monostate>(calls.size());
  }

  [[nodiscard]] Recorded recorded(const Settling& one) const {
    const auto took = std::chrono::floor<std::chrono::milliseconds>(parts.clock.steady() - one.begun.at);
    const AgentCall& call = one.begun.call;
    return {one.begun.id,   tenant_of(call), who(call),
            call.surface,   call.operation,  call.parameters_hash,
            one.how.status, one.how.code,    std::max<long>(took.count(), 0)};
  }

  /// Those that stood as pending, and so were settled by this.
  static std::set<Uuid> update(postgres::Transaction& transaction, const std::vector<Settling>& all,
                               const std::vector<Recorded>& calls) {
    std::vector<Uuid> ids;
    std::vector<long> durations;
    std::vector<postgres::Value> codes, messages, summaries;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const auto& call = calls[i];
      ids.push_back(call.id);
      durations.push_back(call.duration_ms);
      codes.push_back(call.code.empty() ? postgres::Value() : value(call.code));
      messages.push_back(call.code.empty() ? postgres::Value()
                                           : value(std::string(reason_phrase(call.status))));
      Json summary = {{"status", call.status}};
      if (all[i].how.items) summary["items"] = *all[i].how.items;
      summaries.push_back(value(summary));
    }
    std::set<Uuid> settled;
    for (const auto& row : transaction.query(
             "UPDATE ops.runs r SET state = CASE WHEN u.code IS NULL THEN 'succeeded' ELSE 'failed' END, "
             "outcome = CASE WHEN u.code IS NULL THEN 'success' ELSE 'error' END, duration_ms = u.duration, "
             "error_code = u.code, error_message = u.message, result = u.summary, finished_at = "
             "clock_timestamp(), claimed_by = NULL FROM (SELECT * FROM unnest($1::uuid[], $2::bigint[], "
             "$3::text[], $4::text[], $5::jsonb[]) AS x(id, duration, code, message, summary) ORDER BY x.id) "
             "u "
             "WHERE r.id = u.id AND r.state = 'pending' RETURNING r.id",
             {postgres::array(ids), postgres::array(durations), postgres::array(codes),
              postgres::array(messages), postgres::array(summaries)}))
      settled.insert(row.uuid(0));
    return settled;
  }

  std::vector<std::monostate> settle_all(const std::vector<Settling>& all) {
    std::vector<const BegunCall*> fresh;
    std::vector<Recorded> calls;
    for (const auto& one : all) {
      if (one.fresh) fresh.push_back(&one.begun);
      calls.push_back(recorded(one));
    }
    auto stored = parts.database.transact([&](postgres::Transaction& transaction) {
      insert(transaction, fresh);
      const auto settled = update(transaction, all, calls);
      std::vector<runs::AuditEntry> entries;
      for (const auto& call : calls)
        if (settled.contains(call.id)) entries.push_back(audit_entry(call));
      return runs::store_audit_all(transaction, entries, parts.clock.wall());
    });
    parts.outbox.publish(stored.ids, stored.messages);
    return std::vector<std::monostate>(all.size());
  }

  void write(Settling settling, std::function<void()> done) {
    // It stays until its last question is answered.
    const auto finish = [self = shared_from_this(), id = settling.begun.id, done](
                            std::monostate, const std::exception_ptr& failed) {
      if (failed) tell(id, failed);
      done();
    };
    try {
      settles.ask(std::move(settling), finish);
    } catch (...) {
      finish({}, std::current_exception());
    }
  }

  static void tell(const Uuid& id, const std::exception_ptr& failed) {
    try {
      std::rethrow_exception(failed);
    } catch (const std::exception& error) {
      Json fields = log::describe(error);
      fields["call"] = id.to_string();
      log::error("call_not_settled", fields);
    }
  }

  void count(const AgentCall& call, const std::string& code) {
    parts.metrics
        .counter("rollcall_agent_calls_total", "Calls of agents, by what came of them.",
                 {{"surface", call.surface},
                  {"operation", call.operation},
                  {"outcome", code.empty() ? "success" : "error"}})
        .add();
  }

  bool written_down(const AgentCall& call, const Settlement& how) {
    if (!call.caller.object_id.empty() && how.status != 429) return true;
    const std::lock_guard lock(mutex);
    if (!refusals.take("", parts.clock.steady())) return true;
    unrecorded.add();
    return false;
  }

  Parts parts;
  Begin begins;
  Settle settles;
  metrics::Counter& unrecorded;
  std::mutex mutex;
  RateLimiter refusals;
};

CallLedger::CallLedger(Parts parts) : state_(std::make_shared<State>(std::move(parts))) {}

void CallLedger::begin(AgentCall call, OnBegun done) const {
  BegunCall begun{crypto::new_uuid(), state_->parts.clock.steady(), std::move(call)};
  const auto finish = [state = state_, begun, done](std::monostate, const std::exception_ptr& failed) {
    if (failed) state->count(begun.call, "not_on_record");
    done(begun, failed);
  };
  try {
    state_->begins.ask(begun, finish);
  } catch (...) {
    finish({}, std::current_exception());
  }
}

void CallLedger::settle(BegunCall call, Settlement how, std::function<void()> done) const {
  state_->count(call.call, how.code);
  state_->write({std::move(call), std::move(how), false}, std::move(done));
}

void CallLedger::refuse(AgentCall call, Settlement how, std::function<void()> done) const {
  state_->count(call, how.code);
  if (!state_->written_down(call, how)) return done();
  state_->write({{crypto::new_uuid(), state_->parts.clock.steady(), std::move(call)}, std::move(how), true},
                std::move(done));
}

std::vector<runs::Stored> settle_interrupted_calls(postgres::Transaction& transaction, WallTime now) {
  std::vector<runs::AuditEntry> entries;
  for (const auto& row : transaction.query(
           "UPDATE ops.runs r SET state = 'failed', outcome = 'error', error_code = 'call_interrupted', "
           "error_message = 'Its front ended before the outcome was on record; what it did by then stands.', "
           "duration_ms = (extract(epoch FROM now() - r.created_at) * 1000)::bigint, finished_at = now(), "
           "claimed_by = NULL WHERE r.id IN (SELECT c.id FROM ops.runs c WHERE c.open_state = 'pending' AND "
           "c.created_at < now() - $1::interval AND (c.created_at < now() - $2::interval OR NOT EXISTS "
           "(SELECT FROM ops.workers w WHERE w.worker || '/' || w.instance = c.claimed_by AND w.seen_at > "
           "now() - $3::interval)) ORDER BY c.created_at LIMIT $4::bigint FOR UPDATE SKIP LOCKED) RETURNING "
           "r.id, r.tenant_id, r.caller_identity, r.worker, r.operation, r.parameters_hash, r.duration_ms",
           {value(interrupted_after), value(interrupted_anyway), value(living_within),
            value(interrupted_at_once)}))
    entries.push_back(audit_entry({row.uuid(0), row.text(1), row.text(2), row.text(3), row.text(4),
                                   row.text(5), 0, "call_interrupted", row.number(6)}));
  if (entries.empty()) return {};
  log::warn("calls_interrupted", {{"count", entries.size()}});
  return {runs::store_audit_all(transaction, entries, now)};
}

}  // namespace rollcall::front
