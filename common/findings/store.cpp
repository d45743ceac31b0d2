#include "common/findings/store.h"

#include "common/core/error.h"
#include "common/postgres/columns.h"

namespace rollcall::findings {
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

const std::string columns =
    "f.id, f.tenant_id, f.organization_id, f.rule, f.pillar, f.severity, " + std::string(state_now) +
    ", f.title, f.evidence, f.remedy, " + time_of("f.opened_at") + ", " + time_of("f.updated_at") + ", " +
    time_of("f.resolved_at") + ", f.acknowledged_by, " + time_of("f.acknowledged_at") +
    ", f.acknowledged_why, " + time_of("f.acknowledged_until") +
    ", to_char(f.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), f.subject";

std::string select_findings(const Seen& seen) {
  return "SELECT " + columns + " FROM advisor.findings f WHERE " + seen.condition;
}

/// The parameters after those of `seen`, by name.
class Parameters {
 public:
  explicit Parameters(const Seen& seen) : values(seen.values) {}
  std::string operator()(postgres::Value one) {
    values.push_back(std::move(one));
    return "$" + std::to_string(values.size());
  }
  std::vector<postgres::Value> values;
};

Json document(const postgres::Row& row) {
  return {{"id", row.text(0)},
          {"organization_id", or_null(row, 2)},
          {"rule", row.text(3)},
          {"subject", row.text(18)},
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

Error not_found(const Uuid& id) {
  return {Fault::not_found, "finding_not_found",
          "There is no finding " + id.to_string() + " that you may see."};
}

}  // namespace

Page list(postgres::Database& database, const Seen& seen, const Filter& filter,
          const std::vector<std::string>& position, long limit) {
  Parameters parameter(seen);
  auto sql = select_findings(seen);
  const auto equals = [&](const std::string& column, postgres::Value wanted) {
    if (wanted) sql += " AND " + column + " = " + parameter(std::move(wanted));
  };
  if (filter.organization)
    sql += " AND f.organization_id = " + parameter(value(filter.organization)) + "::uuid";
  equals(state_now, optional_text(filter.state));
  equals("f.pillar", optional_text(filter.pillar));
  equals("f.severity", optional_text(filter.severity));
  equals("f.rule", optional_text(filter.rule));
  if (!position.empty()) {
    const auto opened_at = parameter(value(position.at(0)));
    sql += " AND (f.opened_at, f.id) < (" + opened_at + "::timestamptz, " + parameter(value(position.at(1))) +
           "::uuid)";
  }
  sql += " ORDER BY f.opened_at DESC, f.id DESC LIMIT " + parameter(value(limit + 1)) + "::bigint";
  const auto rows = database.query(sql, parameter.values);
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

Json show(postgres::Database& database, const Seen& seen, const Uuid& id) {
  Parameters parameter(seen);
  const auto sql = select_findings(seen) + " AND f.id = " + parameter(value(id)) + "::uuid";
  const auto rows = database.query(sql, parameter.values);
  if (rows.empty()) throw not_found(id);
  return document(rows[0]);
}

Decided decide(postgres::Transaction& transaction, const Seen& seen, const Uuid& id, const Decision& decision,
               const runs::Asker& asker) {
  Parameters parameter(seen);
  const auto select_one = select_findings(seen) + " AND f.id = " + parameter(value(id)) + "::uuid";
  const auto rows = transaction.query(select_one + " FOR UPDATE OF f", parameter.values);
  if (rows.empty()) throw not_found(id);
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
  Decided decided{document(transaction.query(select_one, parameter.values).at(0)), {}};
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

}  // namespace rollcall::findings
