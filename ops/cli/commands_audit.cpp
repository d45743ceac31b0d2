#include "ops/cli/commands.h"
#include "ops/cli/rows.h"

namespace rollcall::cli {

int audit_list(Context& context, const Arguments& arguments) {
  std::optional<Uuid> organization;
  std::optional<Uuid> run;
  if (!arguments.organization.empty()) organization = context.organization(arguments.organization).id;
  if (!arguments.run.empty()) run = require_uuid(arguments.run, "--run");
  const auto rows = context.database().query(
      "SELECT event_id, " + time_of("occurred_at") +
          ", actor, action, organization_id,"
          " group_id, run_id, member_object_id, graph_request_id, detail FROM audit.events"
          " WHERE ($1::uuid IS NULL OR organization_id = $1::uuid) AND ($2::uuid IS NULL OR run_id = "
          "$2::uuid)"
          " ORDER BY occurred_at DESC, event_id DESC LIMIT $3::bigint",
      {postgres::value(organization), postgres::value(run), postgres::value(arguments.limit)});
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    list.push_back({{"event_id", row.text(0)},
                    {"occurred_at", row.text(1)},
                    {"actor", row.text(2)},
                    {"action", row.text(3)},
                    {"organization_id", or_null(row, 4)},
                    {"group_id", or_null(row, 5)},
                    {"run_id", or_null(row, 6)},
                    {"member_object_id", or_null(row, 7)},
                    {"graph_request_id", or_null(row, 8)},
                    {"detail", row.json(9)}});
    table.push_back({row.text(1), printable(row.text(3)), printable(row.text(2)), or_dash(row, 7),
                     or_dash(row, 5), or_dash(row, 6)});
  }
  context.output.document(list);
  context.output.table({"WHEN", "ACTION", "BY", "MEMBER", "GROUP", "RUN"}, table,
                       "No audit events. They come with the first sync that changes something, once "
                       "rollcall-audit-writer runs.");
  return done;
}

}  // namespace rollcall::cli
