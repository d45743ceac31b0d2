#include "workers/advisor_scan/adapters/finding_table.h"

#include "common/findings/findings.h"
#include "common/runs/audit_event.h"

namespace rollcall::advisor_scan {
namespace {

using postgres::value;

void add_audit(const std::vector<findings::Changed>& changed, const char* action, const worker::Run& run,
               std::vector<runs::AuditEntry>& entries) {
  for (const auto& one : changed)
    entries.push_back({.tenant_id = one.key.tenant_id,
                       .actor = run.caller_identity.empty() ? "advisor-scan" : run.caller_identity,
                       .action = action,
                       .organization_id = one.key.organization_id,
                       .detail = {{"finding_id", one.id.to_string()},
                                  {"rule", one.key.rule},
                                  {"subject", one.key.subject},
                                  {"severity", one.severity},
                                  {"scan", run.id.to_string()}}});
}

}  // namespace

void lock_findings(postgres::Transaction& transaction, const Snapshot& snapshot) {
  transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('advisor.findings ' || $1, 0))",
                    {value(snapshot.tenant_id)});
}

std::vector<Standing> read_standing(postgres::Transaction& transaction, const Snapshot& snapshot) {
  std::vector<Standing> standing;
  // What stands comes first: where another of the same was resolved just now, this one counts.
  transaction.each(
      "SELECT rule, organization_id, subject, severity, evidence, state = 'dismissed' AND "
      "(acknowledged_until "
      "IS NULL OR acknowledged_until > $3::timestamptz), updated_at > $3::timestamptz FROM advisor.findings "
      "WHERE tenant_id = $1 AND rule LIKE 'advisor.%' AND ($2::uuid IS NULL OR organization_id = $2::uuid) "
      "AND "
      "(state <> 'resolved' OR resolved_at > $3::timestamptz) ORDER BY state = 'resolved', id",
      {value(snapshot.tenant_id), value(snapshot.organization), value(snapshot.taken_at)},
      [&](const postgres::Row& row) {
        standing.push_back({row.text(0), row.is_null(1) ? std::nullopt : std::optional(row.uuid(1)),
                            row.text(2), row.text(3), row.json(4), row.flag(5), row.flag(6)});
      });
  return standing;
}

void store(postgres::Transaction& transaction, const Snapshot& snapshot, const Reconciliation& result,
           const worker::Run& run, WallTime now) {
  std::vector<findings::Finding> raised;
  for (const auto& one : result.raise)
    raised.push_back({snapshot.tenant_id, one.found.organization, one.rule->id, one.found.subject,
                      one.rule->pillar, one.severity(), one.rule->title, one.found.evidence,
                      one.rule->remedy});
  std::vector<findings::Key> gone;
  for (const auto& one : result.resolve)
    gone.push_back({snapshot.tenant_id, one.organization, one.rule, one.subject});
  std::vector<runs::AuditEntry> entries;
  add_audit(findings::raise(transaction, raised), "finding_opened", run, entries);
  add_audit(findings::resolve(transaction, gone), "finding_resolved", run, entries);
  if (!entries.empty()) runs::store_audit_all(transaction, entries, now);
}

}  // namespace rollcall::advisor_scan
