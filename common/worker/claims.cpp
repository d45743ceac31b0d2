#include "common/worker/claims.h"

#include "common/crypto/crypto.h"
#include "common/runs/blocks.h"

#include <algorithm>

namespace rollcall::worker {
namespace {

constexpr const char* claim_sql = R"(
INSERT INTO ops.runs AS r (id, tenant_id, organization_id, worker, operation, state, caller_identity, parameters,
                           parameters_hash, traceparent, attempt, claim, claimed_by, heartbeat_at, started_at)
SELECT u.id, u.tenant, u.organization, $1, u.operation, 'running', u.caller, u.parameters, u.hash, u.traceparent, 1,
       u.claim, $2, now(), now()
FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::jsonb[], $9::text[], $10::text[], $11::uuid[])
     AS u(id, tenant, organization, operation, caller, parameters, hash, traceparent, claim)
ORDER BY u.id -- one order for all workers: no deadlocks
ON CONFLICT (id) DO UPDATE SET state = 'running', claim = excluded.claim, claimed_by = excluded.claimed_by,
    attempt = r.attempt + 1, heartbeat_at = now(), started_at = coalesce(r.started_at, now()), resume_at = NULL
WHERE r.state IN ('queued', 'running') AND r.worker = excluded.worker
RETURNING id, claim, attempt, started_at < now(), tenant_id, organization_id, operation, caller_identity, parameters,
    CASE WHEN approval_expires_at > now() THEN approved_digest END, cancel_requested, traceparent)";

constexpr const char* settle_sql = R"(
UPDATE ops.runs r SET state = u.state, resume_at = u.resume_at, attempt = r.attempt - u.refund, result = u.result,
    error_code = u.code, error_message = u.message, outcome = u.outcome, duration_ms = u.duration,
    claim = CASE WHEN u.state = 'queued' THEN NULL ELSE r.claim END,
    finished_at = CASE WHEN u.outcome IS NOT NULL THEN $10::timestamptz END,
    -- An approval is for one plan: asking again starts anew.
    approved_digest = CASE WHEN u.state = 'needs_approval' THEN NULL ELSE r.approved_digest END
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[], $6::jsonb[], $7::text[], $8::text[],
            $9::text[], $11::bigint[])
     AS u(id, claim, state, resume_at, refund, result, code, message, outcome, duration)
WHERE r.id = u.id AND r.claim = u.claim AND r.state = 'running'
RETURNING r.id)";

postgres::Value text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : postgres::value(text);
}

Claimed claimed_of(const postgres::Row& row, const Command& command) {
  Claimed claimed;
  claimed.claim = row.uuid(1);
  claimed.run = {row.uuid(0),
                 row.uuid(5),
                 row.text(4),
                 row.text(6),
                 row.text(7),
                 row.json(8),
                 static_cast<int>(row.number(2)),
                 row.flag(3),
                 row.text(9)};
  claimed.cancel_requested = row.flag(10);
  claimed.traceparent = row.text(11).empty() ? command.traceparent : row.text(11);
  claimed.urgent = command.urgent;
  claimed.ticket = command.ticket;
  return claimed;
}

kafka::Message news_of(const std::string& worker, const Finished& finished, WallTime now) {
  const auto& run = finished.claimed.run;
  const auto& settlement = finished.settlement;
  const auto organization = run.organization_id.is_nil() ? std::nullopt : std::optional{run.organization_id};
  Json value = runs::news_value(run.id, organization, worker, run.operation, settlement.state,
                                std::max(0, run.attempt - (settlement.refund_attempt ? 1 : 0)), now);
  if (settlement.result.is_object()) value["result"] = settlement.result;
  if (!settlement.code.empty()) value["error"] = {{"code", settlement.code}, {"message", settlement.message}};
  if (settlement.resume_at) value["resume_at"] = to_rfc3339(*settlement.resume_at);
  return runs::news_message(value, now, finished.claimed.traceparent);
}

void add_events(postgres::Transaction& transaction, const std::vector<const Finished*>& finished) {
  std::vector<Uuid> ids;
  std::vector<std::string> events;
  std::vector<postgres::Value> details;
  for (const auto* one : finished) {
    Json detail = {{"attempt", one->claimed.run.attempt}};
    if (!one->settlement.code.empty()) {
      detail["code"] = one->settlement.code;
      detail["message"] = one->settlement.message;
    }
    ids.push_back(one->claimed.run.id);
    events.push_back(one->settlement.event);
    details.push_back(postgres::value(detail));
  }
  transaction.execute(
      "INSERT INTO ops.run_events (run_id, event, detail) "
      "SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[])",
      {postgres::array(ids), postgres::array(events), postgres::array(details)});
}

std::set<Uuid> update_runs(postgres::Transaction& transaction, const std::vector<const Finished*>& finished,
                           WallTime now) {
  std::vector<Uuid> ids, claims;
  std::vector<std::string> states;
  std::vector<postgres::Value> resume, results, codes, messages, outcomes, durations;
  std::vector<long> refunds;
  for (const auto* one : finished) {
    const auto& settlement = one->settlement;
    ids.push_back(one->claimed.run.id);
    claims.push_back(one->claimed.claim);
    states.push_back(settlement.state);
    resume.push_back(settlement.resume_at ? postgres::value(*settlement.resume_at) : std::nullopt);
    refunds.push_back(settlement.refund_attempt ? 1 : 0);
    results.push_back(settlement.result.is_object() ? postgres::value(settlement.result) : std::nullopt);
    codes.push_back(text_or_null(settlement.code));
    messages.push_back(text_or_null(settlement.message));
    outcomes.push_back(text_or_null(settlement.outcome));
    const bool is_finished = !settlement.outcome.empty();
    durations.push_back(is_finished ? postgres::value(static_cast<long>(one->duration.count()))
                                    : std::nullopt);
  }
  const auto rows = transaction.query(
      settle_sql,
      {postgres::array(ids), postgres::array(claims), postgres::array(states), postgres::array(resume),
       postgres::array(refunds), postgres::array(results), postgres::array(codes), postgres::array(messages),
       postgres::array(outcomes), postgres::value(now), postgres::array(durations)});
  std::set<Uuid> held;
  for (const auto& row : rows)
    held.insert(row.uuid(0));
  return held;
}

}  // namespace

std::vector<Claimed> claim_block(postgres::Transaction& transaction, const Claimant& claimant,
                                 const std::vector<Command>& commands) {
  std::vector<Uuid> ids, claims;
  std::vector<std::string> tenants, operations, callers, hashes, traces;
  std::vector<postgres::Value> organizations, parameters;
  for (const auto& command : commands) {
    ids.push_back(command.run_id);
    claims.push_back(crypto::new_uuid());
    tenants.push_back(command.tenant_id);
    operations.push_back(command.operation);
    callers.push_back(command.caller_identity);
    hashes.push_back(runs::parameters_hash(command.parameters));
    traces.push_back(command.traceparent);
    organizations.push_back(postgres::value(command.organization_id));
    parameters.push_back(postgres::value(command.parameters));
  }
  const auto rows = transaction.query(
      claim_sql, {postgres::value(claimant.worker), postgres::value(claimant.instance), postgres::array(ids),
                  postgres::array(tenants), postgres::array(organizations), postgres::array(operations),
                  postgres::array(callers), postgres::array(parameters), postgres::array(hashes),
                  postgres::array(traces), postgres::array(claims)});
  std::map<Uuid, const postgres::Row*> by_id;
  for (const auto& row : rows)
    by_id.emplace(row.uuid(0), &row);
  std::vector<Claimed> claimed;
  claimed.reserve(rows.size());
  for (const auto& command : commands) {
    const auto found = by_id.find(command.run_id);
    if (found != by_id.end()) claimed.push_back(claimed_of(*found->second, command));
  }
  return claimed;
}

Settled settle_block(postgres::Transaction& transaction, const std::string& worker,
                     const std::vector<const Finished*>& finished, WallTime now) {
  Settled settled;
  settled.held = update_runs(transaction, finished, now);
  std::vector<const Finished*> held;
  for (const auto* one : finished) {
    if (settled.held.contains(one->claimed.run.id)) held.push_back(one);
  }
  if (held.empty()) return settled;
  add_events(transaction, held);
  for (const auto* one : held)
    settled.news.messages.push_back(news_of(worker, *one, now));
  settled.news.ids = runs::store_in_outbox(transaction, settled.news.messages);
  return settled;
}

bool InFlight::add(const Uuid& run) {
  const std::lock_guard lock(mutex_);
  return runs_.try_emplace(run).second;
}

void InFlight::claimed(const Uuid& run, const Uuid& claim) {
  const std::lock_guard lock(mutex_);
  runs_[run].claim = claim;
}

void InFlight::remove(const Uuid& run) {
  const std::lock_guard lock(mutex_);
  runs_.erase(run);
}

void InFlight::progress(const Uuid& run, Json progress) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  if (found != runs_.end()) found->second.progress = std::move(progress);
}

std::size_t InFlight::size() const {
  const std::lock_guard lock(mutex_);
  return runs_.size();
}

void InFlight::heartbeat(postgres::Database& database) const {
  std::vector<Uuid> ids, claims;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : runs_) {
      if (entry.claim.is_nil()) continue;
      ids.push_back(id);
      claims.push_back(entry.claim);
    }
  }
  if (ids.empty()) return;
  database.execute(
      "UPDATE ops.runs r SET heartbeat_at = now() FROM unnest($1::uuid[], $2::uuid[]) AS u(id, claim) "
      "WHERE r.id = u.id AND r.claim = u.claim AND r.state = 'running'",
      {postgres::array(ids), postgres::array(claims)});
}

void InFlight::store_progress(postgres::Database& database) {
  std::vector<Uuid> ids, claims;
  std::vector<postgres::Value> progress;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, entry] : runs_) {
      if (!entry.progress) continue;
      ids.push_back(id);
      claims.push_back(entry.claim);
      progress.push_back(postgres::value(*entry.progress));
      entry.progress.reset();
    }
  }
  if (ids.empty()) return;
  database.execute(
      "UPDATE ops.runs r SET progress = u.progress FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS u(id, "
      "claim, progress) "
      "WHERE r.id = u.id AND r.claim = u.claim AND r.state = 'running'",
      {postgres::array(ids), postgres::array(claims), postgres::array(progress)});
}

}  // namespace rollcall::worker
