#include "ops/cli/commands.h"
#include "ops/cli/schedule_rows.h"

/// What an operator does to a schedule that is there.
namespace rollcall::cli {
namespace {

constexpr std::size_t backfill_max = 100'000;

scheduler::Overlap request_overlap(const Arguments& arguments, const std::string& command, bool skip) {
  const auto overlap = scheduler::parse_overlap(arguments.overlap.empty() ? "allow_all" : arguments.overlap);
  const bool known = overlap && *overlap != scheduler::Overlap::buffer_one;
  if (!known || (!skip && *overlap == scheduler::Overlap::skip))
    refuse_option(
        "--overlap '" + arguments.overlap + "': " + (skip ? "skip, " : "") + "allow_all or buffer_all",
        command);
  return *overlap;
}

void request(Context& context, postgres::Transaction& transaction, const std::string& schedule,
             const char* kind, scheduler::Overlap overlap, WallTime from, WallTime to) {
  transaction.execute(
      "INSERT INTO ops.schedule_requests (schedule_id, kind, overlap, from_at, to_at, requested_by)"
      " VALUES ($1, $2, $3, $4::timestamptz, $5::timestamptz, $6)",
      {postgres::value(schedule), postgres::value(kind),
       postgres::value(std::string(scheduler::to_string(overlap))), postgres::value(from),
       postgres::value(to), postgres::value(who(context))});
  notify_scheduler(transaction);
}

}  // namespace

int schedules_pause(Context& context, const Arguments& arguments) {
  context.database().transact([&](postgres::Transaction& transaction) {
    const auto row = read_schedule_named(transaction, arguments.name, true);
    transaction.execute(
        "UPDATE ops.schedules SET paused = true, pause_note = $2, paused_by = $3, paused_at = now(),"
        " buffered_due_at = NULL WHERE id = $1",
        {postgres::value(row.schedule.id), postgres::value(arguments.note), postgres::value(who(context))});
    notify_scheduler(transaction);
  });
  context.output.document(
      {{"name", arguments.name}, {"paused", true}, {"note", arguments.note}, {"paused_by", who(context)}});
  context.output.line("paused " + arguments.name + "; go on with: rollcall schedules resume " +
                      arguments.name);
  return done;
}

int schedules_resume(Context& context, const Arguments& arguments) {
  const std::string next = context.database().transact([&](postgres::Transaction& transaction) {
    const auto row = read_schedule_named(transaction, arguments.name, true);
    const auto& schedule = row.schedule;
    // What was missed is not made up: the next due time counts from now, but never skips one that is still to
    // come.
    const WallTime now = context.now();
    const auto due = schedule.due > now ? schedule.due : scheduler::next_due(schedule, now);
    if (!due) throw Failure(refused, "setting_invalid", due.error().message, "Remove it and add it anew.");
    if (row.ended || schedule.remaining == 0 || (schedule.ends_at && *due > *schedule.ends_at)) {
      throw Failure(refused, "schedule_ended", "'" + arguments.name + "' has ended: it is never due again",
                    "Add another with 'rollcall schedules add', or fire it once with 'schedules trigger'.");
    }
    const auto [fires, nominal] = due_columns(schedule, *due);
    transaction.execute(
        "UPDATE ops.schedules SET paused = false, pause_note = '', paused_by = '', paused_at = NULL,"
        " next_due_at = $2::timestamptz, nominal_due_at = $3::timestamptz WHERE id = $1",
        {postgres::value(schedule.id), fires, nominal});
    notify_scheduler(transaction);
    return to_rfc3339(scheduler::fires_at(schedule, *due).value_or(*due));
  });
  context.output.document({{"name", arguments.name}, {"paused", false}, {"next_due_at", next}});
  context.output.line("resumed " + arguments.name + ", next due " + next);
  return done;
}

int schedules_remove(Context& context, const Arguments& arguments) {
  context.database().transact([&](postgres::Transaction& transaction) {
    const auto row = read_schedule_named(transaction, arguments.name, true);
    transaction.execute("DELETE FROM ops.schedules WHERE id = $1", {postgres::value(row.schedule.id)});
    notify_scheduler(transaction);
  });
  context.output.document({{"name", arguments.name}, {"removed", true}});
  context.output.line("removed " + arguments.name);
  return done;
}

int schedules_trigger(Context& context, const Arguments& arguments) {
  const auto overlap = request_overlap(arguments, "trigger", true);
  const WallTime due = context.now();
  context.database().transact([&](postgres::Transaction& transaction) {
    const auto row = read_schedule_named(transaction, arguments.name, false);
    request(context, transaction, row.schedule.id, "trigger", overlap, due, due);
  });
  context.output.document({{"name", arguments.name},
                           {"requested", true},
                           {"due_at", to_rfc3339(due)},
                           {"overlap", scheduler::to_string(overlap)}});
  context.output.line("asked for a tick of " + arguments.name + ", due " + to_rfc3339(due));
  return done;
}

int schedules_backfill(Context& context, const Arguments& arguments) {
  const auto overlap = request_overlap(arguments, "backfill", false);
  const WallTime from = parse_time(arguments.from, "--from", "backfill");
  const WallTime to = parse_time(arguments.to, "--to", "backfill");
  if (from > to) refuse_option("--from is later than --to", "backfill");
  if (to > context.now())
    refuse_option("--to '" + arguments.to + "' is in the future: what is to come fires by itself",
                  "backfill");
  const std::size_t count = context.database().transact([&](postgres::Transaction& transaction) {
    const auto row = read_schedule_named(transaction, arguments.name, false);
    const auto dues = scheduler::due_times(row.schedule, from, to, backfill_max + 1);
    if (!dues) throw Failure(refused, "setting_invalid", dues.error().message, "Remove it and add it anew.");
    if (dues->empty()) refuse_option("--from, --to: the schedule has no due time in this range", "backfill");
    if (dues->size() > backfill_max)
      refuse_option("--from, --to: more than " + std::to_string(backfill_max) +
                        " due times in this range; take it in parts",
                    "backfill");
    request(context, transaction, row.schedule.id, "backfill", overlap, from, to);
    return dues->size();
  });
  context.output.document({{"name", arguments.name},
                           {"requested", true},
                           {"due_times", count},
                           {"overlap", scheduler::to_string(overlap)}});
  context.output.line("asked for " + std::to_string(count) + " due times of " + arguments.name +
                      "; those that fired before are passed over");
  return done;
}

}  // namespace rollcall::cli
