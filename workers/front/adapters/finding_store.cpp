#include "workers/front/adapters/finding_store.h"

#include "common/core/error.h"
#include "common/postgres/columns.h"

namespace rollcall::front {
namespace {

using postgres::or_null;
using postgres::time_of;
using postgres::value;

postgres::Value optional_text(const std::string& text) {
  return text.empty() ? postgres::Value() : value(text);
}
postgres::Value optional_time(const std::optional<WallTime>& time) {
  return time ? value(*time) : postgres::Value();
}

/// What was put off is open again once its time is over.
constexpr const char* state_now =
    "CASE WHEN f.state IN ('acknowledged', 'dismissed') AND f.acknowledged_until <= now() THEN 'open' ELSE "
    "f.state END";

const std::string select_findings =
    "SELECT f.id, f.tenant_id, f.organization_id, f.rule, f.pillar, f.severity, " + std::string(state_now) +
    ", f.title, f.evidence, f.remedy, " + time_of("f.opened_at") + ", " + time_of("f.updated_at") + ", " +
    time_of("f.resolved_at") + ", f.acknowledged_by, " + time_of("f.acknowledged_at") +
    ", f.acknowledged_why, " + time_of("f.acknowledged_until") +
    ", to_char(f.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    " FROM advisor.findings f WHERE " +
    seen_condition("f.organization_id", "f.tenant_id", 1);

Json document(const postgres::Row& row) {
  return {{"id", row.text(0)},
          {"organization_id", or_null(row, 2)},
          {"rule", row.text(3)},
          {"pillar", row.text(4)},
          {"severity", row.text(5)},
          {"state", row.text(6)},
          {"title", row.text(7)},
          {"evidence", row.json(8)},
          {"remedy", row.text(9)},
          {"opened_at", row.text(10)},
          {"updated_at", row.text(11)},
          {"resolved_at", or_null(row, 12)},
          {"acknowledged_by", or_null(row, 13)},
          {"acknowledged_at", or_null(row, 14)},
          {"acknowledged_why", or_null(row, 15)},
          {"acknowledged_until", or_null(row, 16)}};
}

}  // namespace

Page list_findings(postgres::Database& database, const Sight& sight, const FindingFilter& filter,
                   const Position& position, long limit) {
  auto values = seen_values(sight);
  for (auto one : {value(filter.organization), optional_text(filter.state), optional_text(filter.pillar),
                   optional_text(filter.severity), optional_text(filter.rule),
                   position.empty() ? postgres::Value() : value(position.at(0)),
                   position.empty() ? postgres::Value() : value(position.at(1)), value(limit + 1)})
    values.push_back(std::move(one));
  const auto rows = database.query(
      select_findings + " AND ($4::uuid IS NULL OR f.organization_id = $4::uuid) AND ($5::text IS NULL OR " +
          state_now +
          " = $5) AND ($6::text IS NULL OR f.pillar = $6) AND ($7::text IS NULL OR f.severity = $7)"
          " AND ($8::text IS NULL OR f.rule = $8)"
          " AND ($9::timestamptz IS NULL OR (f.opened_at, f.id) < ($9::timestamptz, $10::uuid))"
          " ORDER BY f.opened_at DESC, f.id DESC LIMIT $11::bigint",
      values);
  Page page;
  for (const auto& row : rows) {
    if (page.items.size() == static_cast<std::size_t>(limit)) {
      const auto& last = rows[page.items.size() - 1];
      page.next = {last.text(17), last.text(0)};
      break;
    }
    page.items.push_back(document(row));
  }
  return page;
}

FindingDecided decide_finding(postgres::Transaction& transaction, const Sight& sight, const Uuid& id,
                              const FindingDecision& decision, const runs::Asker& asker) {
  auto values = seen_values(sight);
  values.push_back(value(id));
  const auto select_one = select_findings + " AND f.id = $4::uuid";
  const auto rows = transaction.query(select_one + " FOR UPDATE OF f", values);
  if (rows.empty())
    throw Error(Fault::not_found, "finding_not_found",
                "There is no finding " + id.to_string() + " that you may see.");
  const Json before = document(rows[0]);
  if (before["state"] == "resolved")
    throw Error(Fault::conflict, "finding_resolved", "The finding is resolved already.");
  const Json until = decision.until ? Json(to_rfc3339(*decision.until)) : Json(nullptr);
  if (before["state"] == decision.state && before["acknowledged_by"] == asker.actor &&
      before["acknowledged_why"] == decision.why && before["acknowledged_until"] == until)
    return {before, {}};
  transaction.execute(
      "UPDATE advisor.findings SET state = $2, acknowledged_by = $3, acknowledged_at = $4::timestamptz, "
      "acknowledged_why = $5, acknowledged_until = $6::timestamptz, updated_at = now() WHERE id = $1::uuid",
      {value(id), value(decision.state), value(asker.actor), value(asker.now), value(decision.why),
       optional_time(decision.until)});
  FindingDecided decided{document(transaction.query(select_one, values).at(0)), {}};
  // Why stays with the finding: it is free text, and the trail keeps no personal data.
  decided.stored.push_back(runs::store_audit(
      transaction,
      {.tenant_id = rows[0].text(1),
       .actor = asker.actor,
       .action = "finding_" + decision.state,
       .organization_id = rows[0].is_null(2) ? std::nullopt : std::optional(rows[0].uuid(2)),
       .detail = {{"finding_id", id.to_string()}, {"rule", before["rule"]}, {"until", until}}},
      asker.now));
  return decided;
}

}  // namespace rollcall::front
