#include "workers/advisor_scan/adapters/sources.h"

#include "common/runs/blocks.h"
#include "common/schedules/schedules.h"

namespace rollcall::advisor_scan {
namespace {

using postgres::Row;
using postgres::Transaction;
using postgres::value;

/// Two kinds of worker may take turns in an organization: of each, its newest are to be among these.
constexpr long newest_runs = 40;

std::string epoch(const std::string& column) {
  return "floor(extract(epoch FROM " + column + ") * 1000)::bigint";
}
std::string number_in(const std::string& object, const std::string& name) {
  const std::string member = object + "->'" + name + "'";
  return "CASE WHEN jsonb_typeof(" + member + ") = 'number' THEN (" + member +
         ")::numeric::bigint ELSE 0 END";
}
/// `parameter` holds milliseconds.
std::string ago(const std::string& parameter) {
  return "now() - " + parameter + "::bigint * interval '1 millisecond'";
}

WallTime time_at(const Row& row, std::size_t i) {
  return WallTime{milliseconds{row.number(i)}};
}
std::optional<WallTime> time_or_nothing(const Row& row, std::size_t i) {
  return row.is_null(i) ? std::nullopt : std::optional(time_at(row, i));
}
postgres::Value span(milliseconds time) {
  return value(static_cast<long>(time.count()));
}

/// The organizations of the scan's scope that have a group: $1 is the tenant, $2 the one organization or
/// null.
constexpr const char* in_scope =
    " o.tenant_id = $1 AND o.microsoft_group IS NOT NULL AND ($2::uuid IS NULL OR o.id = $2::uuid) ";

}  // namespace

void read_linked(Transaction& transaction, const Limits&, Snapshot& snapshot) {
  const std::string sql =
      "SELECT o.id, o.microsoft_group, " + epoch("o.updated_at") + ", " + epoch("g.synced_at") + ", " +
      epoch("g.read_at") +
      ", coalesce(g.roster_version <> o.roster_version OR o.updated_at > coalesce(g.read_at, g.synced_at), "
      "false), " +
      epoch("p.marked_at") + ", " + epoch("h.checked_at") +
      " FROM directory.organizations o"
      " LEFT JOIN sync.groups g ON g.organization_id = o.id AND g.group_id = o.microsoft_group"
      " LEFT JOIN sync.pack_groups p ON p.organization_id = o.id AND p.group_id = o.microsoft_group"
      " AND p.mark = 'changed'"
      " LEFT JOIN sync.group_health h ON h.organization_id = o.id AND h.group_id = o.microsoft_group WHERE" +
      in_scope + "ORDER BY o.id";
  transaction.each(sql, {value(snapshot.tenant_id), value(snapshot.organization)}, [&](const Row& row) {
    snapshot.linked.push_back({row.uuid(0), row.uuid(1), time_at(row, 2), time_or_nothing(row, 3),
                               time_or_nothing(row, 4), row.flag(5), time_or_nothing(row, 6),
                               time_or_nothing(row, 7)});
  });
}

/// Of each organization the newest runs, of these by worker the failures since the last success. Results are
/// looked up afterwards, for those few that are told of. Our own runs are left out.
void read_histories(Transaction& transaction, const Limits& limits, Snapshot& snapshot) {
  const std::string sql =
      "WITH histories AS (SELECT o.id AS organization, h.* FROM directory.organizations o CROSS JOIN LATERAL "
      "(SELECT r.worker, count(*) FILTER (WHERE r.failed AND r.successes = 0) AS failures, (array_agg(r.id "
      "ORDER BY r.n) FILTER (WHERE r.failed))[1] AS failed, (array_agg(r.id ORDER BY r.n) FILTER (WHERE NOT "
      "r.failed))[1] AS succeeded FROM (SELECT y.id, y.worker, y.n, y.state = 'failed' AS failed, count(*) "
      "FILTER (WHERE y.state = 'succeeded') OVER (PARTITION BY y.worker ORDER BY y.n) AS successes FROM "
      "(SELECT x.id, x.worker, x.state, row_number() OVER (ORDER BY x.created_at DESC, x.id DESC) AS n FROM "
      "ops.runs x WHERE x.organization_id = o.id AND x.created_at > " +
      ago("$3") +
      " AND x.state IN ('succeeded', 'failed') AND x.worker <> 'advisor-scan' ORDER BY x.created_at DESC, "
      "x.id "
      "DESC LIMIT $4::bigint) y) r GROUP BY r.worker) h WHERE" +
      in_scope + ") SELECT h.organization, h.worker, h.failures, h.failed, f.error_code, h.succeeded, " +
      number_in("s.result", "unmatched") + ", " + number_in("s.result", "unresolved") +
      " FROM histories h LEFT JOIN ops.runs f ON f.id = h.failed LEFT JOIN ops.runs s ON s.id = h.succeeded"
      " ORDER BY h.organization, h.worker";
  transaction.each(
      sql,
      {value(snapshot.tenant_id), value(snapshot.organization), span(limits.runs_window), value(newest_runs)},
      [&](const Row& row) {
        snapshot.histories.push_back({row.uuid(0), row.text(1), row.number(2), row.uuid(3), row.text(4),
                                      row.is_null(5) ? std::nullopt : std::optional(row.uuid(5)),
                                      row.number(6), row.number(7)});
      });
}

void read_approvals(Transaction& transaction, const Limits&, Snapshot& snapshot) {
  const std::string sql =
      "WITH waiting AS (SELECT r.id, r.organization_id, r.error_code, coalesce((SELECT max(e.at) FROM "
      "ops.run_events e WHERE e.run_id = r.id AND e.event = 'needs_approval'), r.queued_at) AS since FROM "
      "ops.runs r JOIN directory.organizations o ON o.id = r.organization_id WHERE "
      "r.open_state = 'needs_approval' AND" +
      std::string(in_scope) + ") SELECT organization_id, (array_agg(id ORDER BY since, id))[1], " +
      epoch("min(since)") +
      ", count(*), (array_agg(error_code ORDER BY since, id))[1] FROM waiting GROUP BY organization_id ORDER "
      "BY "
      "organization_id";
  transaction.each(sql, {value(snapshot.tenant_id), value(snapshot.organization)}, [&](const Row& row) {
    snapshot.approvals.push_back({row.uuid(0), row.uuid(1), time_at(row, 2), row.number(3), row.text(4)});
  });
}

void read_queues(Transaction& transaction, const Limits&, Snapshot& snapshot) {
  const std::string sql =
      "SELECT r.worker, count(*), " + epoch("min(r.queued_at) FILTER (WHERE NOT r.bulk)") + ", " +
      epoch("min(r.queued_at) FILTER (WHERE r.bulk)") +
      ", (SELECT count(*) FROM ops.workers w WHERE w.worker = r.worker AND w.seen_at > " + ago("$1") +
      "), EXISTS (SELECT FROM ops.worker_pauses p WHERE p.worker = r.worker)"
      " FROM ops.runs r WHERE r.open_state = 'queued' GROUP BY r.worker ORDER BY r.worker";
  transaction.each(sql, {span(runs::stale_after)}, [&](const Row& row) {
    snapshot.queues.push_back({row.text(0), row.number(1), time_or_nothing(row, 2), time_or_nothing(row, 3),
                               row.number(4), row.flag(5)});
  });
}

void read_traffic(Transaction& transaction, const Limits& limits, Snapshot& snapshot) {
  const std::string requests = "r.result->'requests'";
  const std::string sql =
      "SELECT coalesce(sum(" + number_in(requests, "reads") + " + " + number_in(requests, "writes") +
      "), 0)::bigint, coalesce(sum(" + number_in(requests, "throttled") +
      "), 0)::bigint FROM ops.runs r WHERE r.kind = 'job' AND r.created_at > " + ago("$1");
  for (const auto& row : transaction.query(sql, {span(limits.throttle_window)}))
    snapshot.traffic = {row.number(0), row.number(1)};
}

/// Those that sync, and those that are paused: a million others are nothing to look at.
void read_schedules(Transaction& transaction, const Limits&, Snapshot& snapshot) {
  const std::string sql = std::string("SELECT ") + schedules::schedule_columns +
                          ", s.paused, s.next_due_at = 'infinity', " + epoch("s.paused_at") +
                          " FROM ops.schedules s WHERE s.worker = 'member-sync' OR s.paused ORDER BY s.name";
  constexpr std::size_t at = schedules::schedule_column_count;
  transaction.each(sql, {}, [&](const Row& row) {
    snapshot.schedules.push_back(
        {schedules::read_schedule(row), row.flag(at), row.flag(at + 1), time_or_nothing(row, at + 2)});
  });
}

void read_pauses(Transaction& transaction, const Limits&, Snapshot& snapshot) {
  transaction.each("SELECT worker, " + epoch("paused_at") + " FROM ops.worker_pauses ORDER BY worker", {},
                   [&](const Row& row) {
                     snapshot.pauses.push_back({row.text(0), time_at(row, 1)});
                   });
}

/// A run's row says how many it changed, and each change has an event of its own.
void read_audit(Transaction& transaction, const Limits& limits, Snapshot& snapshot) {
  const std::string sql =
      "WITH changed AS MATERIALIZED (SELECT r.id, r.organization_id, r.finished_at, " +
      number_in("r.result", "added") + " + " + number_in("r.result", "removed") +
      " AS changes FROM ops.runs r JOIN directory.organizations o ON o.id = r.organization_id WHERE r.worker "
      "= "
      "'member-sync' AND r.kind = 'job' AND r.finished_at > " +
      ago("$3") + " AND r.created_at > " + ago("$3") +
      " - interval '1 day' AND r.result->'dry_run' IS DISTINCT FROM 'true'::jsonb AND" + in_scope +
      ") SELECT c.organization_id, c.id, " + epoch("c.finished_at") +
      ", c.changes, e.events FROM changed c CROSS JOIN LATERAL (SELECT count(*) AS events FROM audit.events "
      "a "
      "WHERE a.run_id = c.id AND a.action IN ('member_added', 'member_removed') AND a.occurred_at > " +
      ago("$3") +
      " - interval '8 days') e WHERE c.changes > e.events ORDER BY c.organization_id, c.finished_at, c.id";
  transaction.each(sql, {value(snapshot.tenant_id), value(snapshot.organization), span(limits.audit_window)},
                   [&](const Row& row) {
                     snapshot.audit_gaps.push_back(
                         {row.uuid(0), row.uuid(1), time_at(row, 2), row.number(3), row.number(4)});
                   });
}

/// No more of them than somebody would look at.
void read_grants(Transaction& transaction, const Limits&, Snapshot& snapshot) {
  const std::string renewed = "coalesce(refreshed_at, connected_at)";
  transaction.each("SELECT id, " + epoch(renewed) +
                       " FROM vault.grants WHERE tenant_id = $1 AND state = 'connected' ORDER BY " + renewed +
                       ", id LIMIT 1000",
                   {value(snapshot.tenant_id)}, [&](const Row& row) {
                     snapshot.grants.push_back({row.uuid(0), time_at(row, 1)});
                   });
}

}  // namespace rollcall::advisor_scan
