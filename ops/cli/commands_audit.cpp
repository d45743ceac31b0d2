#include "ops/cli/commands.h"

namespace rollcall::cli {

int audit_list(Context& context, const Arguments& arguments) {
  std::optional<Uuid> organization;
  std::optional<Uuid> run;
  if (!arguments.organization.empty()) organization = context.organization(arguments.organization).id;
  if (!arguments.run.empty()) run = require_uuid(arguments.run, "--run");
  const auto rows = context.database().query(
      "SELECT event_id, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), actor, "
      "action, organization_id,"
      " group_id, run_id, member_object_id, graph_request_id, detail FROM audit.events"
      " WHERE ($1::uuid IS NULL OR organization_id = $1::uuid) AND ($2::uuid IS NULL OR run_id = $2::uuid)"
      " ORDER BY occurred_at DESC, event_id DESC LIMIT $3::bigint",
      {postgres::value(organization), postgres::value(run), postgres::value(arguments.limit)});
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    const auto or_null = [&](std::size_t i) { return row.is_null(i) ? Json(nullptr) : Json(row.text(i)); };
    list.push_back({{"event_id", row.text(0)},
                    {"occurred_at", row.text(1)},
                    {"actor", row.text(2)},
                    {"action", row.text(3)},
                    {"organization_id", or_null(4)},
                    {"group_id", or_null(5)},
                    {"run_id", or_null(6)},
                    {"member_object_id", or_null(7)},
                    {"graph_request_id", or_null(8)},
                    {"detail", row.json(9)}});
    const auto or_dash = [&](std::size_t i) { return row.is_null(i) ? std::string("-") : row.text(i); };
    table.push_back(
        {row.text(1), printable(row.text(3)), printable(row.text(2)), or_dash(7), or_dash(5), or_dash(6)});
  }
  context.output.document(list);
  context.output.table({"WHEN", "ACTION", "BY", "MEMBER", "GROUP", "RUN"}, table,
                       "No audit events. They come with the first sync that changes something, once "
                       "rollcall-audit-writer runs.");
  return done;
}

}  // namespace rollcall::cli
