#include "workers/scheduler/adapters/ticks.h"

#include "common/log/log.h"
#include "workers/scheduler/adapters/tick_store.h"
#include "workers/scheduler/core/decide.h"

#include <algorithm>

namespace rollcall::scheduler {
namespace {

using postgres::array;
using postgres::value;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t block_max = 500;
/// The longest sleep: the database's clock may have been set forward, or a notification lost.
constexpr microseconds look_interval{1'000'000};
/// Under load a look for several due times at once instead of one each; and where a due schedule is locked by
/// a command there is nothing to do but look again soon.
constexpr microseconds shortest_wait{2'000};

// Served by the index schedules_due. A row that a command holds is skipped, not waited for: it is looked at
// again at once. -infinity and times before 1970 would overflow: they count as 1970.
const std::string select_due = std::string("SELECT ") + schedule_columns +
                               R"(, s.overlap <> 'allow_all' AND )" + previous_open +
                               R"(, s.buffered_due_at IS NOT NULL,
       floor(extract(epoch FROM now()) * 1000)::bigint,
       floor(extract(epoch FROM greatest(s.next_due_at, 'epoch'::timestamptz)) * 1000)::bigint
  FROM ops.schedules s
 WHERE NOT s.paused AND s.next_due_at <= now()
 ORDER BY s.next_due_at
   FOR NO KEY UPDATE OF s SKIP LOCKED LIMIT )" +
                               std::to_string(block_max);

constexpr const char* until_next = R"(
    SELECT ceil(extract(epoch FROM greatest(min(next_due_at), 'epoch'::timestamptz) - clock_timestamp())
                * 1000000)::bigint
      FROM ops.schedules WHERE NOT paused AND next_due_at < now() + interval '1 second')";

// nominal_due_at is null where it says nothing: most rows then stay small.
constexpr const char* advance = R"(
    UPDATE ops.schedules s
       SET next_due_at = coalesce(n.fires_at, 'infinity'), nominal_due_at = nullif(n.due, n.fires_at),
           last_due_at = coalesce(n.fired, s.last_due_at), last_tick_id = coalesce(n.tick, s.last_tick_id),
           buffered_due_at = coalesce(n.buffered, s.buffered_due_at),
           remaining = s.remaining - CASE WHEN n.fired IS NULL THEN 0 ELSE 1 END
      FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::uuid[],
                  $6::timestamptz[]) AS n(id, due, fires_at, fired, tick, buffered)
     WHERE s.id = n.id)";

postgres::Value value_or_null(const std::optional<WallTime>& time) {
  return time ? value(*time) : std::nullopt;
}

/// The columns of `advance`, schedule by schedule.
struct Advances {
  std::vector<std::string> ids;
  std::vector<postgres::Value> dues, fires, fired, ticks, buffered;

  void add(const Schedule& schedule, const Decision& decision) {
    ids.push_back(schedule.id);
    dues.push_back(value(decision.next.value_or(schedule.due)));  // an ended interval keeps its phase
    fires.push_back(decision.next ? value(decision.next_fires_at) : std::nullopt);
    fired.push_back(value_or_null(decision.fire));
    ticks.push_back(decision.fire ? value(tick_id(schedule.id, *decision.fire)) : std::nullopt);
    buffered.push_back(value_or_null(decision.buffer));
  }
  void store(postgres::Transaction& transaction) const {
    if (ids.empty()) return;
    transaction.execute(advance,
                        {array(ids), array(dues), array(fires), array(fired), array(ticks), array(buffered)});
  }
};

void pause(postgres::Transaction& transaction, const std::string& id, const Problem& problem) {
  transaction.execute(
      "UPDATE ops.schedules SET paused = true, pause_note = $2, paused_by = 'scheduler', paused_at = now() "
      "WHERE id = $1",
      {value(id), value(problem.code + ": " + problem.message)});
}

}  // namespace

struct Ticks::Look {
  std::size_t seen = 0;
  runs::Stored stored;
  std::vector<milliseconds> late;
  std::vector<Json> refused;
  long missed = 0, skipped = 0;
  microseconds wait = look_interval;
};

Ticks::Ticks(const Tools& tools)
    : tools_(tools),
      ticks_(tools.metrics.counter("rollcall_scheduler_ticks_total", "Ticks fired by the clock")),
      missed_(tools.metrics.counter("rollcall_scheduler_missed_total",
                                    "Times a schedule left out what was older than its catch-up window")),
      skipped_(tools.metrics.counter("rollcall_scheduler_skipped_total",
                                     "Times a schedule left out due times because of its overlap policy")),
      lateness_(tools.metrics.histogram("rollcall_scheduler_tick_lateness_seconds",
                                        "From due time, jitter included, to firing",
                                        {0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 60, 3600})) {}

Ticks::Look Ticks::look(postgres::Transaction& transaction) const {
  Look look;
  Advances advances;
  std::vector<Firing> firings;
  for (const auto& row : transaction.query(select_due)) {
    ++look.seen;
    Schedule schedule = read_schedule(row);
    const Previous previous{row.flag(schedule_column_count), row.flag(schedule_column_count + 1)};
    const WallTime now = wall(row.number(schedule_column_count + 2));
    const auto wrong = check(schedule);
    const auto decision =
        wrong ? Result<Decision>{unexpected<Problem>(*wrong)} : decide(schedule, previous, now);
    if (!decision) {
      const Problem& problem = decision.error();
      pause(transaction, schedule.id, problem);
      look.refused.push_back(
          {{"schedule", schedule.name}, {"code", problem.code}, {"message", problem.message}});
      continue;
    }
    advances.add(schedule, *decision);
    look.missed += decision->missed ? 1 : 0;
    look.skipped += decision->skipped ? 1 : 0;
    if (!decision->fire) continue;
    look.late.push_back(now - wall(row.number(schedule_column_count + 3)));
    firings.push_back({std::move(schedule), *decision->fire, "clock"});
  }
  look.stored = store_ticks(transaction, firings, tools_.options.topic_prefix, tools_.options.resend_after,
                            tools_.clock.wall());
  advances.store(transaction);
  const auto next = transaction.query(until_next);
  if (!next.empty() && !next[0].is_null(0)) {
    look.wait = std::clamp(microseconds{next[0].number(0)}, shortest_wait, look_interval);
  }
  if (look.seen == block_max) look.wait = microseconds{0};  // there may be more
  return look;
}

void Ticks::report(const Look& look) {
  for (const Json& fields : look.refused)
    log::error("schedule_paused", fields);
  ticks_.add(static_cast<double>(look.stored.messages.size()));
  missed_.add(static_cast<double>(look.missed));
  skipped_.add(static_cast<double>(look.skipped));
  for (const auto late : look.late)
    lateness_.observe(std::chrono::duration<double>(late).count());
}

microseconds Ticks::operator()() {
  Look done = tools_.term.transact([this](postgres::Transaction& transaction) { return look(transaction); });
  report(done);
  if (!done.stored.ids.empty()) {
    tools_.publisher.publish(std::move(done.stored.ids), std::move(done.stored.messages));
  }
  return done.wait;
}

}  // namespace rollcall::scheduler
