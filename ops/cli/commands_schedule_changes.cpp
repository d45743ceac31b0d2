#include "common/schedules/schedules.h"
#include "ops/cli/commands.h"
#include "ops/cli/schedule_options.h"

/// What an operator does to a schedule that is there.
namespace rollcall::cli {
namespace {

constexpr std::size_t backfill_max = 100'000;

schedules::Overlap request_overlap(const Arguments& arguments, const std::string& command, bool skip) {
  const auto overlap = schedules::parse_overlap(arguments.overlap.empty() ? "allow_all" : arguments.overlap);
  const bool known = overlap && *overlap != schedules::Overlap::buffer_one;
  if (!known || (!skip && *overlap == schedules::Overlap::skip))
    refuse_option(
        "--overlap '" + arguments.overlap + "': " + (skip ? "skip, " : "") + "allow_all or buffer_all",
        command);
  return *overlap;
}

runs::Asker asker(const Context& context) {
  return {context.tenant(), actor, context.now()};
}

}  // namespace

int schedules_pause(Context& context, const Arguments& arguments) {
  auto change = context.database().transact([&](postgres::Transaction& transaction) {
    return schedules::pause(transaction, arguments.name, arguments.note, who(context), asker(context));
  });
  const bool changed = !change.stored.empty();
  context.publish(std::move(change.stored));
  context.output.document({{"name", arguments.name},
                           {"paused", true},
                           {"note", arguments.note},
                           {"paused_by", changed ? who(context) : change.entry.paused_by},
                           {"changed", changed}});
  context.output.line(changed ? "paused " + arguments.name + "; go on with: rollcall schedules resume " +
                                    arguments.name
                              : "nothing changed: " + arguments.name + " is paused already, with this note");
  return done;
}

int schedules_resume(Context& context, const Arguments& arguments) {
  auto change = context.database().transact([&](postgres::Transaction& transaction) {
    return schedules::resume(transaction, arguments.name, asker(context));
  });
  const bool changed = !change.stored.empty();
  context.publish(std::move(change.stored));
  const std::string& next = change.next_fires_at;
  context.output.document(
      {{"name", arguments.name}, {"paused", false}, {"next_due_at", next}, {"changed", changed}});
  context.output.line((changed ? "resumed " : "nothing changed: ") + arguments.name +
                      (changed ? "" : " is not paused") + ", next due " + next);
  return done;
}

int schedules_remove(Context& context, const Arguments& arguments) {
  context.database().transact([&](postgres::Transaction& transaction) {
    const auto row = schedules::find_entry(transaction, arguments.name, true);
    transaction.execute("DELETE FROM ops.schedules WHERE id = $1", {postgres::value(row.schedule.id)});
    schedules::notify_scheduler(transaction);
  });
  context.output.document({{"name", arguments.name}, {"removed", true}});
  context.output.line("removed " + arguments.name);
  return done;
}

int schedules_trigger(Context& context, const Arguments& arguments) {
  const auto overlap = request_overlap(arguments, "trigger", true);
  const runs::Asker by = asker(context);
  auto change = context.database().transact([&](postgres::Transaction& transaction) {
    return schedules::trigger(transaction, arguments.name, overlap, who(context), by);
  });
  context.publish(std::move(change.stored));
  context.output.document({{"name", arguments.name},
                           {"requested", true},
                           {"due_at", to_rfc3339(by.now)},
                           {"overlap", schedules::to_string(overlap)}});
  context.output.line("asked for a tick of " + arguments.name + ", due " + to_rfc3339(by.now));
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
    const auto row = schedules::find_entry(transaction, arguments.name, false);
    const auto dues = schedules::due_times(row.schedule, from, to, backfill_max + 1);
    if (!dues) throw Failure(refused, "setting_invalid", dues.error().message, "Remove it and add it anew.");
    if (dues->empty()) refuse_option("--from, --to: the schedule has no due time in this range", "backfill");
    if (dues->size() > backfill_max)
      refuse_option("--from, --to: more than " + std::to_string(backfill_max) +
                        " due times in this range; take it in parts",
                    "backfill");
    schedules::store_request(transaction, row.schedule.id, "backfill", overlap, from, to, who(context));
    return dues->size();
  });
  context.output.document({{"name", arguments.name},
                           {"requested", true},
                           {"due_times", count},
                           {"overlap", schedules::to_string(overlap)}});
  context.output.line("asked for " + std::to_string(count) + " due times of " + arguments.name +
                      "; those that fired before are passed over");
  return done;
}

}  // namespace rollcall::cli
