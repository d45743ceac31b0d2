#include "workers/member_sync/adapters/progress_store.h"

#include "common/core/error.h"
#include "workers/member_sync/adapters/blocks.h"

#include <cstdint>

namespace rollcall::member_sync {
namespace {

using postgres::value;

std::vector<Settled> read_results(postgres::Transaction& transaction, const Uuid& run) {
  std::vector<Settled> finished;
  transaction.each(
      "SELECT results FROM sync.checkpoints WHERE run_id = $1 ORDER BY seq", {value(run)},
      [&](const postgres::Row& row) {
        for (const Json& entry : row.json(0))
          finished.push_back({entry.at(0).get<std::uint32_t>(), entry.at(1).get<std::string>(),
                              entry.size() > 2 ? entry.at(2).get<std::string>() : std::string{}});
      });
  return finished;
}

Json results_json(const std::vector<Settled>& settled) {
  Json results = Json::array();
  for (const Settled& one : settled) {
    Json entry = Json::array({one.change, one.code});
    if (one.failed()) entry.push_back(one.message);
    results.push_back(std::move(entry));
  }
  return results;
}

StoredPlan read_plan(postgres::Transaction& transaction, const Uuid& run, const Uuid& group,
                     const Json& document) {
  auto plan = plan_from_json(document);
  if (!plan) throw Error(Fault::invalid, "internal", plan.error().message);
  return {group, std::move(*plan), document.value("context", Json::object()), read_results(transaction, run)};
}

// An open run carries its plan out. One older than its run's beginning was left by what ended before the run
// was tried again by hand: nobody carries it out, and nobody waits for it.
constexpr const char* carried_out =
    "coalesce(r.state IN ('queued', 'running', 'waiting') AND p.created_at >= r.started_at, false)";

// By the index plans_applying: a plan may be megabytes.
const std::string ahead_sql =
    std::string(
        "FROM sync.plans p JOIN ops.runs r ON r.id = p.run_id WHERE p.organization_id = $2 AND "
        "p.document->'applying' = 'true' AND r.id <> $1 AND ") +
    carried_out;

}  // namespace

Turn ask_turn(postgres::Database& database, const Uuid& run, const Uuid& organization) {
  const auto rows = database.query(
      std::string("SELECT (extract(epoch FROM now()) * 1000)::bigint, (SELECT greatest(1000, least(15000, "
                  "extract(epoch FROM now() - (SELECT created_at FROM ops.runs WHERE id = $1)) * 250), "
                  "extract(epoch FROM max(r.resume_at) - now()) * 1000)::bigint ") +
          ahead_sql + " HAVING count(*) > 0)",
      {value(run), value(organization)});
  const auto& row = rows.front();
  return {WallTime{std::chrono::milliseconds{row.number(0)}},
          std::chrono::milliseconds{row.is_null(1) ? 0 : row.number(1)}};
}

bool still_first(postgres::Transaction& transaction, const Uuid& run, const Uuid& organization,
                 WallTime begun, const std::vector<Uuid>& known) {
  transaction.execute("SELECT FROM directory.organizations WHERE id = $1 FOR NO KEY UPDATE",
                      {value(organization)});
  const bool alone =
      transaction
          .query(
              "SELECT FROM sync.plans p WHERE p.organization_id = $2 AND p.document->'applying' = 'true' "
              "AND p.run_id <> $1 AND p.run_id <> ALL($3::uuid[]) LIMIT 1",
              {value(run), value(organization), postgres::array(known)})
          .empty();
  return alone &&
         transaction
             .query("SELECT FROM sync.groups WHERE organization_id = $1 AND synced_at > $2::timestamptz",
                    {value(organization), value(begun)})
             .empty();
}

std::optional<StoredPlan> load_plan(postgres::Database& database, const Uuid& run) {
  return database.transact([&](postgres::Transaction& transaction) -> std::optional<StoredPlan> {
    const auto rows = transaction.query(
        "SELECT p.group_id, p.document FROM sync.plans p JOIN ops.runs r ON r.id = p.run_id "
        "WHERE p.run_id = $1 AND p.created_at >= r.started_at",
        {value(run)});
    if (rows.empty()) return std::nullopt;
    const Json document = rows.front().json(1);
    if (!document.value("applying", false)) return std::nullopt;
    return read_plan(transaction, run, rows.front().uuid(0), document);
  });
}

std::vector<UnfinishedPlan> load_unfinished(postgres::Database& database, const Uuid& run,
                                            const Uuid& organization) {
  return database.transact([&](postgres::Transaction& transaction) {
    std::vector<UnfinishedPlan> found;
    const auto rows = transaction.query(
        std::string("SELECT p.run_id, coalesce(r.caller_identity, ''), p.group_id, p.document FROM "
                    "sync.plans p LEFT JOIN ops.runs r ON r.id = p.run_id WHERE p.organization_id = $2 AND "
                    "p.document->'applying' = 'true' AND (p.run_id = $1 OR NOT ") +
            carried_out + ") ORDER BY p.created_at",
        {value(run), value(organization)});
    for (const auto& row : rows)
      found.push_back(
          {row.uuid(0), row.text(1), read_plan(transaction, row.uuid(0), row.uuid(2), row.json(3))});
    return found;
  });
}

void save_plan(postgres::Transaction& transaction, const PlanDocument& document) {
  Json json = to_json(*document.plan);
  json["version"] = 1;
  json["applying"] = document.applying;
  json["context"] = document.context;
  transaction.execute("DELETE FROM sync.checkpoints WHERE run_id = $1", {value(document.run)});
  transaction.execute(
      "INSERT INTO sync.plans (run_id, organization_id, group_id, digest, document) VALUES ($1, $2, $3, $4, "
      "$5::jsonb) "
      "ON CONFLICT (run_id) DO UPDATE SET group_id = excluded.group_id, digest = excluded.digest, "
      "document = excluded.document, created_at = now()",
      {value(document.run), value(document.organization), value(document.group), value(document.digest),
       value(json)});
}

void save_checkpoint(postgres::Transaction& transaction, const Uuid& run, const Uuid& organization,
                     const Plan& plan, const std::vector<Settled>& settled) {
  if (settled.empty()) return;
  transaction.execute("INSERT INTO sync.checkpoints (run_id, results) VALUES ($1, $2::jsonb)",
                      {value(run), value(results_json(settled))});
  Ids ids;
  std::vector<postgres::Value> present;
  for (const Settled& one : settled) {
    if (one.failed()) continue;
    ids.push_back(plan.member(one.change));
    present.push_back(value(plan.is_add(one.change)));
  }
  if (ids.empty()) return;
  transaction.execute(
      "INSERT INTO sync.recent_writes (organization_id, object_id, present, written_at) "
      "SELECT $1, u.id, u.present, now() FROM unnest($2::uuid[], $3::boolean[]) AS u(id, present) "
      "ON CONFLICT (organization_id, object_id) DO UPDATE SET present = excluded.present, written_at = "
      "excluded.written_at",
      {value(organization), postgres::array(ids), postgres::array(present)});
}

void close_plan(postgres::Transaction& transaction, const Uuid& run) {
  transaction.execute("DELETE FROM sync.checkpoints WHERE run_id = $1", {value(run)});
  transaction.execute(
      "UPDATE sync.plans SET document = jsonb_set(document, '{applying}', 'false') WHERE run_id = $1 AND "
      "document->'applying' = 'true'",
      {value(run)});
}

void save_finish(postgres::Transaction& transaction, const Finish& finish) {
  transaction.execute(
      "UPDATE sync.groups SET synced_at = now(), read_at = $4, roster_version = $2, member_count = $3 WHERE "
      "organization_id = $1",
      {value(finish.organization), value(finish.roster_version), value(finish.member_count),
       finish.read_at ? value(*finish.read_at) : postgres::Value{}});
  close_plan(transaction, finish.run);
  transaction.execute(
      "DELETE FROM sync.recent_writes WHERE organization_id = $1 AND written_at <= now() - $2::bigint * "
      "interval '1 millisecond'",
      {value(finish.organization), value(static_cast<long>(finish.hold_off.count()))});
}

}  // namespace rollcall::member_sync
