#include "common/audit/event_document.h"
#include "ops/cli/commands.h"
#include "ops/cli/rows.h"
#include "ops/cli/times.h"

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

int audit_export(Context& context, const Arguments& arguments) {
  std::optional<Uuid> organization;
  std::optional<WallTime> since, until;
  if (!arguments.organization.empty()) organization = context.organization(arguments.organization).id;
  if (!arguments.from.empty()) since = require_time(arguments.from, "--since");
  if (!arguments.to.empty()) until = require_time(arguments.to, "--until");
  const auto optional_time = [](const std::optional<WallTime>& time) {
    return time ? postgres::value(*time) : postgres::Value();
  };
  const auto write = [&](const Json& line) {
    context.output.document(line);
    context.output.line(dump(line));
  };
  long events = 0;
  context.database().transact([&](postgres::Transaction& transaction) {
    transaction.each("SELECT " + audit::event_columns("events") +
                         " FROM audit.events WHERE ($1::uuid IS NULL OR organization_id = $1::uuid) AND "
                         "occurred_at >= coalesce($2::timestamptz, '-infinity') AND occurred_at < "
                         "coalesce($3::timestamptz, 'infinity') ORDER BY occurred_at, event_id",
                     {postgres::value(organization), optional_time(since), optional_time(until)},
                     [&](const postgres::Row& row) {
                       if (!context.output.alive()) return;
                       ++events;
                       write(audit::event_document(row));
                     });
  });
  // As the front's export ends: where this line is missing, it was broken off.
  write({{"complete", true}, {"events", events}});
  return done;
}

}  // namespace rollcall::cli
