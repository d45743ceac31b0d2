#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/schedules/schedules.h"
#include "ops/cli/commands.h"
#include "ops/cli/schedule_options.h"

#include <algorithm>

/// What there is of schedules, and new ones. commands_schedule_changes.cpp has the rest.
namespace rollcall::cli {
namespace {

using schedules::Schedule;

constexpr std::size_t upcoming_shown = 5;

[[noreturn]] void refuse(const std::string& message) {
  refuse_option(message, "add");
}

/// Names that become parts of topic names.
void require_word(const std::string& text, const std::string& what) {
  const bool ok = !text.empty() && text.size() <= 64 && text[0] >= 'a' && text[0] <= 'z' &&
                  std::ranges::all_of(text, [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                  });
  if (!ok) refuse(what + " '" + text + "' is not a word of lower-case letters, digits and '-'");
}

std::string when_text(const Schedule& schedule) {
  return schedule.cron ? *schedule.cron + " " + schedule.time_zone
                       : "every " + duration_word(schedule.interval.value_or(std::chrono::seconds{0}));
}

/// What was typed, checked.
Schedule new_schedule(const Arguments& arguments, WallTime now) {
  using std::chrono::seconds;
  if (arguments.name.empty() || display_width(arguments.name) > 256 ||
      printable(arguments.name) != arguments.name)
    refuse("--name: 1 to 256 characters, none of them control characters");
  require_word(arguments.worker, "--worker");
  require_word(arguments.operation, "--operation");
  Schedule schedule;
  schedule.id = crypto::new_uuid().to_string();
  schedule.name = arguments.name;
  schedule.worker = arguments.worker;
  schedule.operation = arguments.operation;
  schedule.time_zone = arguments.zone;
  schedule.due = now;
  if (!arguments.parameters.empty()) {
    const auto parsed = parse_json(arguments.parameters);
    if (!parsed || !parsed->is_object()) refuse("--parameters is no JSON object");
    schedule.parameters = *parsed;
  }
  // The zone is checked with --every too, where it is only shown.
  schedule.cron = arguments.every.empty() ? arguments.cron : "* * * * *";
  if (const auto readable = schedules::next_due(schedule, now); !readable) refuse(readable.error().message);
  if (!arguments.every.empty()) {
    schedule.cron.reset();
    schedule.interval = parse_duration(arguments.every, "--every", "add");
    if (schedule.interval->count() < 1 || schedule.interval->count() > 2'000'000'000)
      refuse("--every '" + arguments.every + "' is not a time such as 30s, 15m, 2h or 1d");
  }
  if (!arguments.offset.empty()) {
    if (!schedule.interval) refuse("--offset goes with --every; a cron expression has its own");
    const auto offset = parse_duration(arguments.offset, "--offset", "add");
    if (offset >= *schedule.interval) refuse("--offset must be less than --every");
    schedule.due = WallTime{offset};
  }
  const auto overlap = schedules::parse_overlap(arguments.overlap.empty() ? "skip" : arguments.overlap);
  if (!overlap || *overlap == schedules::Overlap::buffer_all)
    refuse("--overlap '" + arguments.overlap + "': skip, buffer_one or allow_all");
  schedule.overlap = *overlap;
  if (!arguments.catch_up.empty())
    schedule.catch_up_window = parse_duration(arguments.catch_up, "--catch-up", "add");
  if (schedule.catch_up_window < seconds{10}) refuse("--catch-up: at least 10s, or every tick is too late");
  if (!arguments.jitter.empty()) schedule.jitter = parse_duration(arguments.jitter, "--jitter", "add");
  if (schedule.jitter > seconds{86'400}) refuse("--jitter: at most 1d");
  if (!arguments.until.empty()) {
    schedule.ends_at = parse_time(arguments.until, "--until", "add");
    if (*schedule.ends_at <= now) refuse("--until '" + arguments.until + "' is past");
  }
  if (arguments.ticks > 0) schedule.remaining = static_cast<int>(arguments.ticks);
  return schedule;
}

void insert(postgres::Transaction& transaction, const Schedule& schedule, WallTime due) {
  const auto [fires, nominal] = schedules::due_columns(schedule, due);
  const auto seconds = [](std::chrono::seconds time) {
    return postgres::value(static_cast<long>(time.count()));
  };
  transaction.execute(
      "INSERT INTO ops.schedules (id, name, worker, operation, parameters, cron, interval_seconds, time_zone,"
      " next_due_at, nominal_due_at, overlap, catch_up_seconds, jitter_seconds, ends_at, remaining)"
      " VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7::integer, $8, $9::timestamptz, $10::timestamptz, $11,"
      " $12::integer, $13::integer, $14::timestamptz, $15::integer)",
      {postgres::value(schedule.id), postgres::value(schedule.name), postgres::value(schedule.worker),
       postgres::value(schedule.operation), postgres::value(schedule.parameters),
       schedule.cron ? postgres::value(*schedule.cron) : postgres::Value(),
       schedule.interval ? seconds(*schedule.interval) : postgres::Value(),
       postgres::value(schedule.time_zone), fires, nominal,
       postgres::value(std::string(schedules::to_string(schedule.overlap))),
       seconds(schedule.catch_up_window), seconds(schedule.jitter),
       schedule.ends_at ? postgres::value(*schedule.ends_at) : postgres::Value(),
       schedule.remaining ? postgres::value(*schedule.remaining) : postgres::Value()});
  schedules::notify_scheduler(transaction);
}

}  // namespace

int schedules_list(Context& context, const Arguments& arguments) {
  const auto rows = context.database().transact([&](postgres::Transaction& transaction) {
    return schedules::read_entries(transaction, "", arguments.max > 0 ? arguments.max : 10'000);
  });
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    list.push_back(schedules::to_json(row));
    table.push_back({printable(row.schedule.name), context.output.coloured_state(row.state()),
                     row.schedule.worker + " " + row.schedule.operation, when_text(row.schedule),
                     row.paused ? "-" : row.next_fires_at.value_or("-"), row.last_due_at.value_or("never"),
                     printable(row.note)});
  }
  context.output.document(list);
  context.output.table(
      {"NAME", "STATE", "WHAT", "WHEN", "NEXT", "LAST", "NOTE"}, table,
      "There are no schedules yet. Add one: rollcall schedules add --name NAME --worker member-sync"
      " --operation sync-members --every 15m");
  return done;
}

int schedules_show(Context& context, const Arguments& arguments) {
  const auto row = context.database().transact([&](postgres::Transaction& transaction) {
    return schedules::find_entry(transaction, arguments.name, false);
  });
  const Schedule& schedule = row.schedule;
  const auto next = schedules::upcoming(row, context.now(), upcoming_shown);
  Json document = schedules::to_json(row);
  document["upcoming"] = next;
  context.output.document(document);
  const auto line = [&](const char* name, const std::string& value) {
    context.output.line(std::string(name) + std::string(14 - std::string_view(name).size(), ' ') +
                        printable(value));
  };
  line("name", schedule.name);
  line("id", schedule.id);
  line("state", row.state());
  if (row.paused) line("paused", row.paused_at.value_or("-") + " by " + row.paused_by + ": " + row.note);
  line("what", schedule.worker + " " + schedule.operation + " " + dump(schedule.parameters));
  line("when", when_text(schedule));
  line("overlap", std::string(schedules::to_string(schedule.overlap)));
  line("catch-up", duration_word(schedule.catch_up_window));
  if (schedule.jitter.count() > 0) line("jitter", duration_word(schedule.jitter));
  if (schedule.ends_at) line("until", to_rfc3339(*schedule.ends_at));
  if (schedule.remaining) line("ticks left", std::to_string(*schedule.remaining));
  line("last", row.last_due_at.value_or("never"));
  if (row.buffered_due_at) line("buffered", *row.buffered_due_at);
  for (std::size_t i = 0; i < next.size(); ++i)
    line(i == 0 ? "next" : "", next[i]);
  return done;
}

int schedules_add(Context& context, const Arguments& arguments) {
  Schedule schedule = new_schedule(arguments, context.now());
  const auto due = schedules::next_due(schedule, context.now());
  if (!due) refuse(due.error().message);
  if (schedule.ends_at && *due > *schedule.ends_at) refuse("--until: the schedule is never due before it");
  schedule.due = *due;
  try {
    context.database().transact(
        [&](postgres::Transaction& transaction) { insert(transaction, schedule, *due); });
  } catch (const Error& error) {
    if (error.code() != "database_conflict") throw;
    throw Failure(refused, "schedule_exists", "there is a schedule '" + arguments.name + "' already",
                  "Choose another --name, or remove it with 'rollcall schedules remove'.");
  }
  const std::string first = to_rfc3339(schedules::fires_at(schedule, *due).value_or(*due));
  context.output.document({{"id", schedule.id}, {"name", schedule.name}, {"next_due_at", first}});
  context.output.line("added " + schedule.name + ", first due " + first);
  return done;
}

}  // namespace rollcall::cli
