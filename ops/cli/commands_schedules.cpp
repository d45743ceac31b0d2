#include "common/core/cron.h"
#include "common/core/error.h"
#include "ops/cli/commands.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace rollcall::cli {
namespace {

constexpr auto rfc3339 = "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'";

[[noreturn]] void refuse(const std::string& message) {
  throw Failure(usage, "setting_invalid", message, "See 'rollcall schedules add --help'.");
}

/// Names that become parts of topic names.
void require_word(const std::string& text, const std::string& what) {
  const bool ok = !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
                  std::ranges::all_of(text, [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                  });
  if (!ok) refuse(what + " '" + text + "' is not a word of lower-case letters, digits and '-'");
}

int interval_seconds(const std::string& text) {
  long count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const long factor = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3'600 : unit == "d" ? 86'400 : 0;
  if (error != std::errc{} || factor == 0 || count <= 0 || count > std::numeric_limits<int>::max() / factor)
    refuse("--every '" + text + "' is not a time such as 30s, 15m, 2h or 1d");
  return static_cast<int>(count * factor);
}

WallTime next_due(const std::string& cron, const std::string& zone, int every, WallTime now) {
  // The zone is checked with --every too, where it is only shown.
  const auto parsed = Cron::parse(every > 0 ? "* * * * *" : cron);
  if (!parsed) refuse(parsed.error().message);
  const auto next = parsed->next_after(now, zone);
  if (!next) refuse(next.error().message);
  return every > 0 ? now + std::chrono::seconds(every) : *next;
}

std::string every_text(long seconds) {
  for (const auto& [factor, unit] : {std::pair{86'400L, "d"}, {3'600L, "h"}, {60L, "m"}})
    if (seconds % factor == 0) return std::to_string(seconds / factor) + unit;
  return std::to_string(seconds) + "s";
}

[[noreturn]] void unknown(const std::string& name) {
  throw Failure(not_found, "schedule_not_found", "there is no schedule '" + name + "'",
                "See 'rollcall schedules list'.");
}

}  // namespace

int schedules_list(Context& context, const Arguments&) {
  const auto rows =
      context.database().query(std::string("SELECT id, name, worker, operation, parameters, cron, "
                                           "interval_seconds, time_zone, paused, pause_note,"
                                           " to_char(next_due_at AT TIME ZONE 'UTC', ") +
                               rfc3339 + "), to_char(last_due_at AT TIME ZONE 'UTC', " + rfc3339 +
                               ") FROM ops.schedules ORDER BY name LIMIT 10000");
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    list.push_back({{"id", row.text(0)},
                    {"name", row.text(1)},
                    {"worker", row.text(2)},
                    {"operation", row.text(3)},
                    {"parameters", row.json(4)},
                    {"cron", row.is_null(5) ? Json(nullptr) : Json(row.text(5))},
                    {"interval_seconds", row.is_null(6) ? Json(nullptr) : Json(row.number(6))},
                    {"time_zone", row.text(7)},
                    {"paused", row.flag(8)},
                    {"note", row.text(9)},
                    {"next_due_at", row.text(10)},
                    {"last_due_at", row.is_null(11) ? Json(nullptr) : Json(row.text(11))}});
    const std::string state = row.flag(8) ? "paused" : "active";
    table.push_back(
        {printable(row.text(1)), context.output.coloured_state(state), row.text(2) + " " + row.text(3),
         row.is_null(5) ? "every " + every_text(row.number(6)) : row.text(5) + " " + row.text(7),
         row.flag(8) ? "-" : row.text(10), row.is_null(11) ? "never" : row.text(11), printable(row.text(9))});
  }
  context.output.document(list);
  context.output.table(
      {"NAME", "STATE", "WHAT", "WHEN", "NEXT", "LAST", "NOTE"}, table,
      "There are no schedules yet. Add one: rollcall schedules add --name NAME --worker member-sync"
      " --operation sync-members --every 15m");
  return done;
}

int schedules_add(Context& context, const Arguments& arguments) {
  if (arguments.name.empty() || display_width(arguments.name) > 256 ||
      printable(arguments.name) != arguments.name)
    refuse("a name has 1 to 256 characters, none of them control characters");
  require_word(arguments.worker, "--worker");
  require_word(arguments.operation, "--operation");
  const int every = arguments.every.empty() ? 0 : interval_seconds(arguments.every);
  Json parameters = Json::object();
  if (!arguments.parameters.empty()) {
    const auto parsed = parse_json(arguments.parameters);
    if (!parsed || !parsed->is_object()) refuse("--parameters is no JSON object");
    parameters = *parsed;
  }
  const WallTime due = next_due(arguments.cron, arguments.zone, every, context.now());
  std::string id;
  try {
    id = context.database()
             .query(
                 "INSERT INTO ops.schedules (name, worker, operation, parameters, cron, interval_seconds, "
                 "time_zone, next_due_at)"
                 " VALUES ($1, $2, $3, $4::jsonb, $5, $6::integer, $7, $8::timestamptz) RETURNING id",
                 {postgres::value(arguments.name), postgres::value(arguments.worker),
                  postgres::value(arguments.operation), postgres::value(parameters),
                  every > 0 ? postgres::Value() : postgres::value(arguments.cron),
                  every > 0 ? postgres::value(every) : postgres::Value(), postgres::value(arguments.zone),
                  postgres::value(due)})[0]
             .text(0);
  } catch (const Error& error) {
    if (error.code() != "database_conflict") throw;
    throw Failure(refused, "schedule_exists", "there is a schedule '" + arguments.name + "' already",
                  "Choose another --name, or remove it with 'rollcall schedules remove'.");
  }
  context.output.document({{"id", id}, {"name", arguments.name}, {"next_due_at", to_rfc3339(due)}});
  context.output.line("added " + arguments.name + ", first due " + to_rfc3339(due));
  return done;
}

int schedules_pause(Context& context, const Arguments& arguments) {
  if (context.database().execute("UPDATE ops.schedules SET paused = true, pause_note = $2 WHERE name = $1",
                                 {postgres::value(arguments.name), postgres::value(arguments.note)}) == 0)
    unknown(arguments.name);
  context.output.document({{"name", arguments.name}, {"paused", true}, {"note", arguments.note}});
  context.output.line("paused " + arguments.name + "; go on with: rollcall schedules resume " +
                      arguments.name);
  return done;
}

int schedules_resume(Context& context, const Arguments& arguments) {
  WallTime due;
  context.database().transact([&](postgres::Transaction& transaction) {
    const auto rows = transaction.query(
        "SELECT cron, coalesce(interval_seconds, 0), time_zone FROM ops.schedules WHERE name = $1 FOR UPDATE",
        {postgres::value(arguments.name)});
    if (rows.empty()) unknown(arguments.name);
    // What was missed is not made up: the next due time counts from now, but never skips one that is still to
    // come.
    due = next_due(rows[0].text(0), rows[0].text(2), static_cast<int>(rows[0].number(1)), context.now());
    const auto kept = transaction.query(
        "UPDATE ops.schedules SET paused = false, pause_note = '', next_due_at = CASE WHEN next_due_at > "
        "$3::timestamptz"
        " THEN next_due_at ELSE $2::timestamptz END WHERE name = $1 RETURNING (extract(epoch FROM "
        "next_due_at) * 1000)::bigint",
        {postgres::value(arguments.name), postgres::value(due), postgres::value(context.now())});
    due = WallTime(std::chrono::milliseconds(kept[0].number(0)));
  });
  context.output.document({{"name", arguments.name}, {"paused", false}, {"next_due_at", to_rfc3339(due)}});
  context.output.line("resumed " + arguments.name + ", next due " + to_rfc3339(due));
  return done;
}

int schedules_remove(Context& context, const Arguments& arguments) {
  if (context.database().execute("DELETE FROM ops.schedules WHERE name = $1",
                                 {postgres::value(arguments.name)}) == 0)
    unknown(arguments.name);
  context.output.document({{"name", arguments.name}, {"removed", true}});
  context.output.line("removed " + arguments.name);
  return done;
}

}  // namespace rollcall::cli
