#include "ops/cli/schedule_rows.h"

#include "workers/scheduler/adapters/lease.h"
#include "workers/scheduler/adapters/tick_store.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace rollcall::cli {
namespace {

constexpr std::array<std::pair<long, const char*>, 4> units{
    {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};

std::string time_column(const std::string& column) {
  return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
}

const std::string& columns() {
  static const std::string text = std::string(scheduler::schedule_columns) +
                                  ", s.paused, s.next_due_at = 'infinity', s.pause_note, s.paused_by, " +
                                  time_column("s.paused_at") + ", " +
                                  time_column("nullif(s.next_due_at, 'infinity')") + ", " +
                                  time_column("s.last_due_at") + ", " + time_column("s.buffered_due_at");
  return text;
}

std::optional<std::string> optional_text(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::nullopt : std::optional(row.text(i));
}

ScheduleRow read(const postgres::Row& row) {
  constexpr std::size_t at = scheduler::schedule_column_count;
  ScheduleRow one;
  one.schedule = scheduler::read_schedule(row);
  one.paused = row.flag(at);
  one.ended = row.flag(at + 1);
  one.note = row.text(at + 2);
  one.paused_by = row.text(at + 3);
  one.paused_at = optional_text(row, at + 4);
  one.next_fires_at = optional_text(row, at + 5);
  one.last_due_at = optional_text(row, at + 6);
  one.buffered_due_at = optional_text(row, at + 7);
  return one;
}

}  // namespace

std::vector<ScheduleRow> read_schedules(postgres::Transaction& transaction, long limit) {
  std::vector<ScheduleRow> list;
  for (const auto& row :
       transaction.query("SELECT " + columns() + " FROM ops.schedules s ORDER BY s.name LIMIT $1::bigint",
                         {postgres::value(limit)}))
    list.push_back(read(row));
  return list;
}

ScheduleRow read_schedule_named(postgres::Transaction& transaction, const std::string& name, bool lock) {
  const auto rows = transaction.query(
      "SELECT " + columns() + " FROM ops.schedules s WHERE s.name = $1" + (lock ? " FOR NO KEY UPDATE" : ""),
      {postgres::value(name)});
  if (rows.empty()) {
    throw Failure(not_found, "schedule_not_found", "there is no schedule '" + name + "'",
                  "See 'rollcall schedules list'.");
  }
  return read(rows[0]);
}

void refuse_option(const std::string& message, const std::string& command) {
  throw Failure(usage, "setting_invalid", message, "See 'rollcall schedules " + command + " --help'.");
}

std::chrono::seconds parse_duration(const std::string& text, const std::string& option,
                                    const std::string& command) {
  constexpr long longest = 10L * 366 * 86'400;
  long count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const auto found = std::ranges::find(units, unit, [](const auto& pair) { return pair.second; });
  if (error != std::errc{} || found == units.end() || count < 0 || count > longest / found->first)
    refuse_option(option + " '" + text + "' is not a time such as 30s, 15m, 2h or 1d, ten years at most",
                  command);
  return std::chrono::seconds{count * found->first};
}

std::string duration_word(std::chrono::seconds time) {
  for (const auto& [seconds, unit] : units)
    if (time.count() % seconds == 0) return std::to_string(time.count() / seconds) + unit;
  return std::to_string(time.count()) + "s";
}

WallTime parse_time(const std::string& text, const std::string& option, const std::string& command) {
  const auto time = parse_rfc3339(text);
  if (!time)
    refuse_option(option + " '" + text + "' is not a time in UTC such as 2026-11-21T09:30:00Z", command);
  return *time;
}

std::string who(const Context& context) {
  const auto user = context.environment()("USER");
  return user && !user->empty() ? "cli:" + printable(*user) : "cli";
}

void notify_scheduler(postgres::Transaction& transaction) {
  transaction.query("SELECT pg_notify($1, '')", {postgres::value(scheduler::channel)});
}

std::pair<postgres::Value, postgres::Value> due_columns(const scheduler::Schedule& schedule, WallTime due) {
  const WallTime fires = scheduler::fires_at(schedule, due).value_or(due);
  return {postgres::value(fires), fires == due ? postgres::Value() : postgres::value(due)};
}

}  // namespace rollcall::cli
