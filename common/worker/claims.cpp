#include "common/worker/claims.h"

#include "common/core/json_writer.h"
#include "common/crypto/crypto.h"
#include "common/runs/blocks.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace rollcall::worker {
namespace {

// A run that is 'running' is taken over from whoever does not live any more: no heartbeat for stale_after, or
// our own predecessor under the same name. What is inserted here stands in no index of open runs before its
// first heartbeat (migration 0020), hence in a block.
constexpr const char* claim_sql = R"(
WITH claimed AS (
INSERT INTO ops.runs AS r (id, tenant_id, organization_id, worker, operation, state, caller_identity, parameters,
    parameters_hash, traceparent, attempt, claim, claimed_by, created_at, queued_at, started_at)
SELECT u.id, u.tenant, u.organization, $1, u.operation, 'running', u.caller, u.parameters, u.hash, u.traceparent,
    1, u.claim, $2, $12, $12, now()
FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::jsonb[], $9::text[], $10::text[],
            $11::uuid[])
    AS u(id, tenant, organization, operation, caller, parameters, hash, traceparent, claim)
ORDER BY u.id -- one order for all workers: no deadlocks
ON CONFLICT (id) DO UPDATE SET state = 'running', claim = excluded.claim, claimed_by = excluded.claimed_by,
    attempt = r.attempt + 1, heartbeat_at = now(), started_at = coalesce(r.started_at, now()), resume_at = NULL
WHERE r.worker = excluded.worker AND (r.state = 'queued' OR (r.state = 'running' AND
    (r.claimed_by = excluded.claimed_by OR
     coalesce(r.heartbeat_at, r.started_at, r.queued_at) < now() - $13 * interval '1 millisecond')))
-- A row without xmax was inserted by this statement: all of it is known, and nobody can have joined it.
RETURNING id, claim, xmax = 0 AS inserted, attempt, started_at < now(), CASE WHEN xmax <> 0 THEN tenant_id END,
    CASE WHEN xmax <> 0 THEN organization_id END, CASE WHEN xmax <> 0 THEN operation END,
    CASE WHEN xmax <> 0 THEN caller_identity END, CASE WHEN xmax <> 0 THEN parameters END,
    CASE WHEN approval_expires_at > now() THEN approved_digest END, cancel_requested,
    CASE WHEN xmax <> 0 THEN traceparent END, carried,
    CASE WHEN xmax <> 0 THEN (extract(epoch FROM coalesce(retried_at, created_at)) * 1000)::bigint END,
    CASE WHEN xmax <> 0 THEN parameters_hash END, CASE WHEN xmax <> 0 THEN EXISTS (
        SELECT FROM ops.runs f WHERE f.joined_to = r.id AND f.open_state = 'waiting') END),
block AS (
    INSERT INTO ops.claim_blocks (claimed_by, run_ids)
    SELECT $2, array_agg(id) FROM claimed WHERE inserted HAVING count(*) > 0 RETURNING id)
SELECT claimed.*, block.id FROM claimed LEFT JOIN block ON claimed.inserted)";

// The leaders' rows stay locked until the commit, so that whoever takes one over or settles it sees who
// joined.
constexpr const char* join_sql = R"(
WITH leaders AS (SELECT x.id FROM ops.runs x JOIN (SELECT DISTINCT * FROM unnest($10::uuid[], $11::uuid[])
        AS d(id, claim)) d ON x.id = d.id AND x.claim = d.claim WHERE x.state = 'running' ORDER BY x.id FOR SHARE OF x)
INSERT INTO ops.runs AS r (id, tenant_id, organization_id, worker, operation, state, caller_identity, parameters,
    parameters_hash, traceparent, joined_to, error_code, error_message)
SELECT u.id, u.tenant, u.organization, $1, u.operation, 'waiting', u.caller, u.parameters, u.hash, u.traceparent,
    u.leader, 'joined', 'An equal run had not begun yet; this one ends as that one does.'
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::text[],
            $10::uuid[])
    AS u(id, tenant, organization, operation, caller, parameters, hash, traceparent, leader)
JOIN leaders ON leaders.id = u.leader
ORDER BY u.id
ON CONFLICT (id) DO UPDATE SET state = 'waiting', joined_to = excluded.joined_to,
    error_code = excluded.error_code, error_message = excluded.error_message
WHERE r.worker = excluded.worker AND (
    -- One that has begun may have a plan under way, which its leader would wait for.
    (r.state = 'queued' AND r.attempt = 0 AND r.started_at IS NULL AND r.approved_digest IS NULL) OR
    (r.state = 'waiting' AND r.joined_to = excluded.joined_to))
RETURNING id)";

constexpr const char* settle_sql = R"(
WITH settled AS (
    UPDATE ops.runs r SET state = u.state, resume_at = u.resume_at, attempt = r.attempt - u.refund,
        result = u.result, error_code = u.code, error_message = u.message, outcome = u.outcome,
        carried = u.carried, duration_ms = coalesce(r.duration_ms, 0) + u.duration,
        claim = CASE WHEN u.state = 'queued' THEN NULL ELSE r.claim END,
        finished_at = CASE WHEN u.outcome IS NOT NULL THEN $10::timestamptz END,
        -- An approval is for one plan: asking again starts anew.
        approved_digest = CASE WHEN u.state = 'needs_approval' THEN NULL ELSE r.approved_digest END
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[], $6::jsonb[],
            $7::text[], $8::text[], $9::text[], $11::bigint[], $12::jsonb[], $13::text[], $14::jsonb[])
        WITH ORDINALITY
        AS u(id, claim, state, resume_at, refund, result, code, message, outcome, duration, carried, event, detail, n)
    -- By id alone: by state = 'running' the planner would read an index of all that ran since the last vacuum.
    WHERE r.id = u.id AND CASE WHEN r.claim = u.claim THEN r.state END = 'running'
    RETURNING r.id, u.n, u.event, u.detail),
events AS (
    INSERT INTO ops.run_events (run_id, event, detail) SELECT id, event, detail FROM settled)
SELECT n FROM settled)";

/// The last of what claim_sql returns.
constexpr std::size_t block_column = 17;

/// Of fewer rows than this the planner makes lookups by itself.
constexpr std::size_t lookups_min = 20;

postgres::Value text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : postgres::value(text);
}

postgres::Value object_or_null(const Json& json) {
  return json.is_object() ? postgres::value(json) : std::nullopt;
}

/// Commands as the columns that both claim and join store.
struct Columns {
  std::vector<Uuid> ids;
  std::vector<std::string> tenants, operations, callers, hashes, traces;
  std::vector<postgres::Value> organizations, parameters;

  void add(const Command& command) {
    ids.push_back(command.run_id);
    tenants.push_back(command.tenant_id);
    operations.push_back(command.operation);
    callers.push_back(command.caller_identity);
    hashes.push_back(command.parameters_hash);
    traces.push_back(command.traceparent);
    organizations.push_back(postgres::value(command.organization_id));
    parameters.push_back(postgres::value(command.parameters));
  }
};

/// A run that this claim made: as the command says.
void fill_from(const Command& command, WallTime now, Claimed& claimed) {
  Run& run = claimed.run;
  run.tenant_id = command.tenant_id;
  run.organization_id = command.organization_id.value_or(Uuid{});
  run.operation = command.operation;
  run.caller_identity = command.caller_identity;
  run.parameters = command.parameters;
  claimed.traceparent = command.traceparent;
  claimed.asked_at = now;
  claimed.parameters_hash = command.parameters_hash;
}

/// A run that stood there before: as its row says.
void fill_from(const postgres::Row& row, const Command& command, Claimed& claimed) {
  Run& run = claimed.run;
  run.attempt = static_cast<int>(row.number(3));
  run.resumed = row.flag(4);
  run.tenant_id = row.text(5);
  run.organization_id = row.uuid(6);
  run.operation = row.text(7);
  run.caller_identity = row.text(8);
  run.parameters = row.json(9);
  run.approved_digest = row.text(10);
  run.carried = row.json(13);
  claimed.cancel_requested = row.flag(11);
  claimed.traceparent = row.text(12).empty() ? command.traceparent : row.text(12);
  claimed.asked_at = WallTime{std::chrono::milliseconds{row.number(14)}};
  claimed.parameters_hash = row.text(15);
  // Someone may be joining its former holder at this moment, unseen by the claim.
  claimed.followed = row.flag(16) || run.resumed;
}

std::shared_ptr<Claimed> claimed_of(const postgres::Row& row, const Command& command, WallTime now) {
  auto claimed = std::make_shared<Claimed>();
  claimed->run.id = command.run_id;
  claimed->claim = row.uuid(1);
  if (row.flag(2)) {
    fill_from(command, now, *claimed);
  } else {
    fill_from(row, command, *claimed);
  }
  claimed->urgent = command.urgent;
  claimed->ticket = command.ticket;
  return claimed;
}

std::optional<Uuid> none_if_nil(const Uuid& id) {
  return id.is_nil() ? std::nullopt : std::optional{id};
}

kafka::Message news_of(const std::string& worker, const Finished& finished, WallTime now) {
  const auto& run = finished.claimed->run;
  const auto& settlement = finished.settlement;
  runs::News news;
  news.run = run.id;
  news.organization = none_if_nil(run.organization_id);
  news.worker = worker;
  news.operation = run.operation;
  news.state = settlement.state;
  news.attempt = std::max(0, run.attempt - (settlement.refund_attempt ? 1 : 0));
  news.claim = finished.claimed->claim;
  news.result = settlement.result;
  news.code = settlement.code;
  news.message = settlement.message;
  news.resume_at = settlement.resume_at;
  news.traceparent = finished.claimed->traceparent;
  return runs::news_message(news, now);
}

kafka::Message news_again(const postgres::Row& row, WallTime now) {
  runs::News news;
  news.run = row.uuid(0);
  news.worker = row.text(2);
  news.state = row.text(1);
  news.organization = none_if_nil(row.uuid(3));
  news.operation = row.text(4);
  news.attempt = static_cast<int>(row.number(5));
  news.claim = row.uuid(6);
  news.result = row.json(7);
  news.code = row.text(8);
  news.message = row.text(9);
  if (!row.is_null(10)) news.resume_at = WallTime{std::chrono::milliseconds{row.number(10)}};
  news.traceparent = row.text(11);
  return runs::news_message(news, now);
}

/// The rest of a block: what state are these runs in, that they could not be claimed?
void look_up(postgres::Transaction& transaction, const std::vector<Command>& commands,
             const std::unordered_map<Uuid, std::size_t>& missing, WallTime now, ClaimAnswer& answer) {
  std::vector<Uuid> ids;
  for (const auto& [id, index] : missing)
    ids.push_back(commands[index].run_id);
  const auto rows = transaction.query(
      "SELECT id, state, worker, organization_id, operation, attempt, claim, result, error_code, "
      "error_message, (extract(epoch FROM resume_at) * 1000)::bigint, traceparent FROM ops.runs WHERE id = "
      "ANY($1::uuid[])",
      {postgres::array(ids)});
  for (const auto& row : rows) {
    const std::size_t index = missing.at(row.uuid(0));
    // Queued: it was set free between the two statements.
    if (row.text(1) == "running" || row.text(1) == "queued") {
      answer.held.push_back(index);
    } else {
      answer.known.push_back({index, news_again(row, now)});
    }
  }
}

std::string detail_of(const Finished& finished) {
  JsonWriter writer(64);
  writer.number("attempt", finished.claimed->run.attempt);
  if (!finished.settlement.code.empty()) {
    writer.text("code", finished.settlement.code);
    writer.text("message", finished.settlement.message);
  }
  writer.number("duration_ms", static_cast<long>(finished.duration.count()));
  return writer.take();
}

void heed_cancels(postgres::Transaction& transaction, const std::vector<Finished*>& finished) {
  std::map<Uuid, Finished*> open;
  for (auto* one : finished)
    if (one->settlement.outcome.empty()) open.emplace(one->claimed->run.id, one);
  if (open.empty()) return;
  std::vector<Uuid> ids;
  for (const auto& [id, one] : open)
    ids.push_back(id);
  // Locked: a cancel that comes now waits, and then finds what we made of the run.
  for (const auto& row : transaction.query(
           "SELECT id, cancel_requested FROM ops.runs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE",
           {postgres::array(ids)}))
    if (row.flag(1)) open.at(row.uuid(0))->settlement = cancelled();
}

/// Which of them were ours to update.
std::vector<bool> update_runs(postgres::Transaction& transaction, const std::vector<Finished*>& finished,
                              WallTime now) {
  std::vector<Uuid> ids, claims;
  std::vector<std::string> states, events;
  std::vector<postgres::Value> resume, results, codes, messages, outcomes, carried, details;
  std::vector<long> refunds, durations;
  for (const auto* one : finished) {
    const auto& settlement = one->settlement;
    ids.push_back(one->claimed->run.id);
    claims.push_back(one->claimed->claim);
    states.push_back(settlement.state);
    resume.push_back(settlement.resume_at ? postgres::value(*settlement.resume_at) : std::nullopt);
    refunds.push_back(settlement.refund_attempt ? 1 : 0);
    results.push_back(object_or_null(settlement.result));
    codes.push_back(text_or_null(settlement.code));
    messages.push_back(text_or_null(settlement.message));
    outcomes.push_back(text_or_null(settlement.outcome));
    carried.push_back(object_or_null(settlement.carried));
    durations.push_back(static_cast<long>(one->duration.count()));
    events.push_back(settlement.event);
    details.push_back(detail_of(*one));
  }
  // Row by row through the primary key, which the planner would leave for reading the whole table while that
  // is small: quicker at any size.
  if (finished.size() >= lookups_min)
    transaction.script("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off");
  const auto rows = transaction.query(
      settle_sql,
      {postgres::array(ids), postgres::array(claims), postgres::array(states), postgres::array(resume),
       postgres::array(refunds), postgres::array(results), postgres::array(codes), postgres::array(messages),
       postgres::array(outcomes), postgres::value(now), postgres::array(durations), postgres::array(carried),
       postgres::array(events), postgres::array(details)});
  std::vector<bool> held(finished.size(), false);
  for (const auto& row : rows)
    held.at(static_cast<std::size_t>(row.number(0)) - 1) = true;
  return held;
}

}  // namespace

ClaimAnswer claim_block(postgres::Transaction& transaction, const Claimant& claimant,
                        const std::vector<Command>& commands, WallTime now) {
  Columns columns;
  std::vector<Uuid> claims;
  std::unordered_map<Uuid, std::size_t> missing;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    columns.add(commands[i]);
    claims.push_back(crypto::new_uuid());
    missing.emplace(commands[i].run_id, i);
  }
  const auto rows = transaction.query(
      claim_sql, {postgres::value(claimant.worker), postgres::value(claimant.instance),
                  postgres::array(columns.ids), postgres::array(columns.tenants),
                  postgres::array(columns.organizations), postgres::array(columns.operations),
                  postgres::array(columns.callers), postgres::array(columns.parameters),
                  postgres::array(columns.hashes), postgres::array(columns.traces), postgres::array(claims),
                  postgres::value(now), postgres::value(static_cast<long>(runs::stale_after.count()))});
  ClaimAnswer answer;
  std::vector<std::pair<std::size_t, std::shared_ptr<Claimed>>> claimed;
  std::shared_ptr<const long> block;
  for (const auto& row : rows) {
    const auto found = missing.find(row.uuid(0));
    claimed.emplace_back(found->second, claimed_of(row, commands[found->second], now));
    missing.erase(found);
    if (row.is_null(block_column)) continue;
    if (!block) block = std::make_shared<const long>(row.number(block_column));
    claimed.back().second->block = block;
  }
  std::ranges::sort(claimed, {}, [](const auto& one) { return one.first; });
  for (auto& [index, one] : claimed)
    answer.claimed.push_back(std::move(one));
  if (!missing.empty()) look_up(transaction, commands, missing, now, answer);
  return answer;
}

std::vector<const Command*> join_block(postgres::Transaction& transaction, const std::string& worker,
                                       const std::vector<Follower>& followers) {
  Columns columns;
  std::vector<Uuid> leaders, claims;
  std::set<Uuid> seen;  // a command may have come twice, and a statement may change a row only once
  for (const auto& follower : followers) {
    if (!seen.insert(follower.command->run_id).second) continue;
    columns.add(*follower.command);
    leaders.push_back(follower.leader);
    claims.push_back(follower.leader_claim);
  }
  const auto rows = transaction.query(
      join_sql,
      {postgres::value(worker), postgres::array(columns.ids), postgres::array(columns.tenants),
       postgres::array(columns.organizations), postgres::array(columns.operations),
       postgres::array(columns.callers), postgres::array(columns.parameters), postgres::array(columns.hashes),
       postgres::array(columns.traces), postgres::array(leaders), postgres::array(claims)});
  std::set<Uuid> joined;
  for (const auto& row : rows)
    joined.insert(row.uuid(0));
  std::vector<const Command*> left;
  for (const auto& follower : followers) {
    if (!joined.contains(follower.command->run_id)) left.push_back(follower.command);
  }
  return left;
}

Settled settle_block(postgres::Transaction& transaction, const std::string& worker,
                     const std::vector<Finished*>& finished, WallTime now) {
  heed_cancels(transaction, finished);
  Settled settled;
  settled.held = update_runs(transaction, finished, now);
  std::vector<Uuid> followed;
  auto& published = settled.published;
  settled.news.reserve(finished.size());
  for (std::size_t i = 0; i < finished.size(); ++i) {
    if (!settled.held[i]) continue;
    const auto& one = *finished[i];
    if (one.followed && !one.settlement.outcome.empty()) followed.push_back(one.claimed->run.id);
    settled.news.push_back(news_of(worker, one, now));
  }
  if (!followed.empty()) published.messages = runs::conclude_followers(transaction, followed, now);
  for (std::size_t i = 0; i < finished.size(); ++i) {
    const auto& messages = finished[i]->settlement.publish;
    if (settled.held[i])
      published.messages.insert(published.messages.end(), messages.begin(), messages.end());
  }
  published.ids = runs::store_in_outbox(transaction, published.messages);
  return settled;
}

}  // namespace rollcall::worker
