#include "workers/scheduler/adapters/ticks.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "workers/scheduler/core/schedule.h"

#include <algorithm>

namespace rollcall::scheduler {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t batch_max = 500;
constexpr milliseconds look_interval{1'000};
/// Where a due schedule is locked by another scheduler there is nothing to do but look again soon.
constexpr milliseconds shortest_wait{5};

// SKIP LOCKED gives each row to one scheduler; a row that another has just moved on is checked again against
// the WHERE clause before it is locked, so a due time is fired once. -infinity and times before 1970 would
// overflow: they count as 1970.
constexpr const char* select_due = R"(
    SELECT id, name, worker, operation, parameters, cron, interval_seconds, time_zone,
           floor(extract(epoch FROM greatest(next_due_at, 'epoch'::timestamptz)) * 1000)::bigint,
           floor(extract(epoch FROM now()) * 1000)::bigint
      FROM ops.schedules
     WHERE NOT paused AND next_due_at <= now()
     ORDER BY next_due_at
       FOR UPDATE SKIP LOCKED LIMIT 500)";

constexpr const char* until_next = R"(
    SELECT ceil(extract(epoch FROM greatest(min(next_due_at), 'epoch'::timestamptz) - clock_timestamp()) * 1000)::bigint
      FROM ops.schedules WHERE NOT paused AND next_due_at < now() + interval '1 second')";

WallTime wall(long epoch_ms) {
  return WallTime{milliseconds{epoch_ms}};
}

Schedule read(const postgres::Row& row) {
  Schedule schedule;
  schedule.id = row.uuid(0).to_string();
  schedule.name = row.text(1);
  schedule.worker = row.text(2);
  schedule.operation = row.text(3);
  schedule.parameters = row.json(4);
  if (!row.is_null(5)) schedule.cron = row.text(5);
  if (!row.is_null(6)) schedule.interval = std::chrono::seconds{row.number(6)};
  schedule.time_zone = row.text(7);
  schedule.due = wall(row.number(8));
  return schedule;
}

void pause(postgres::Transaction& transaction, const Uuid& id, const Problem& problem) {
  transaction.execute("UPDATE ops.schedules SET paused = true, pause_note = $2 WHERE id = $1",
                      {postgres::value(id), postgres::value(problem.code + ": " + problem.message)});
}

}  // namespace

std::string with_prefix(const std::string& topic, const std::string& prefix) {
  return prefix + topic.substr(std::min(topic.find('.'), topic.size()));
}

struct Ticks::Look {
  std::size_t seen = 0;
  runs::Stored stored;
  std::vector<milliseconds> late;
  std::vector<Json> refused;
  milliseconds wait = look_interval;
};

Ticks::Ticks(std::string topic_prefix, postgres::Database& database, runs::OutboxPublisher& publisher,
             const Clock& clock, metrics::Registry& metrics)
    : topic_prefix_(std::move(topic_prefix)),
      database_(database),
      publisher_(publisher),
      clock_(clock),
      ticks_(metrics.counter("rollcall_scheduler_ticks_total", "Ticks fired")),
      lateness_(metrics.histogram("rollcall_scheduler_tick_lateness_seconds", "From due time to firing",
                                  {0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 60, 3600})) {}

Ticks::Look Ticks::look(postgres::Transaction& transaction) const {
  Look look;
  std::vector<Uuid> ids;
  std::vector<postgres::Value> dues, nexts;
  std::vector<kafka::Message> messages;
  for (const auto& row : transaction.query(select_due)) {
    ++look.seen;
    const Schedule schedule = read(row);
    const WallTime now = wall(row.number(9));
    const auto wrong = check(schedule);
    const Result<Firing> firing = wrong ? Result<Firing>{unexpected<Problem>(*wrong)} : fire(schedule, now);
    if (!firing) {
      pause(transaction, row.uuid(0), firing.error());
      look.refused.push_back(
          {{"schedule", schedule.name}, {"code", firing.error().code}, {"message", firing.error().message}});
      continue;
    }
    // Derived, so that even a tick sent twice is known to be the same one.
    const std::string tick = crypto::derived_uuid({schedule.id, to_rfc3339(firing->due)}).to_string();
    messages.push_back(runs::make_message(with_prefix(runs::ticks_topic(schedule.worker), topic_prefix_),
                                          schedule.id, "rollcall.tick.v1", tick,
                                          tick_value(schedule, firing->due, tick), clock_.wall()));
    ids.push_back(row.uuid(0));
    dues.push_back(postgres::value(firing->due));
    nexts.push_back(postgres::value(firing->next));
    look.late.push_back(now - firing->due);
  }
  if (!ids.empty()) {
    transaction.execute(
        "UPDATE ops.schedules s SET next_due_at = n.next, last_due_at = n.due"
        "  FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS n(id, due, next) WHERE s.id = "
        "n.id",
        {postgres::array(ids), postgres::array(dues), postgres::array(nexts)});
    look.stored.ids = runs::store_in_outbox(transaction, messages);
    look.stored.messages = std::move(messages);
  }
  const auto next = transaction.query(until_next);
  if (!next.empty() && !next[0].is_null(0)) {
    look.wait = std::clamp(milliseconds{next[0].number(0)}, shortest_wait, look_interval);
  }
  if (look.seen == batch_max) look.wait = milliseconds{0};  // there may be more
  return look;
}

milliseconds Ticks::operator()() {
  Look done = database_.transact([this](postgres::Transaction& transaction) { return look(transaction); });
  for (const Json& fields : done.refused)
    log::error("schedule_paused", fields);
  if (!done.late.empty()) {
    ticks_.add(static_cast<double>(done.late.size()));
    for (const auto late : done.late)
      lateness_.observe(std::chrono::duration<double>(late).count());
    publisher_.publish(std::move(done.stored.ids), std::move(done.stored.messages));
  }
  return done.wait;
}

}  // namespace rollcall::scheduler
