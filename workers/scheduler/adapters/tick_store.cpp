#include "workers/scheduler/adapters/tick_store.h"

#include "common/crypto/crypto.h"

#include <algorithm>
#include <set>

namespace rollcall::scheduler {
namespace {

using postgres::array;
using postgres::value;

constexpr const char* insert_ticks = R"(
    INSERT INTO ops.ticks (schedule_id, due_at, id, cause, resend_at, expires_at)
    SELECT u.schedule, u.due, u.id, u.cause, clock_timestamp() + $5::bigint * interval '1 millisecond',
           clock_timestamp() + u.window_seconds * interval '1 second'
      FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $6::bigint[])
           AS u(schedule, due, id, cause, window_seconds)
     ORDER BY u.schedule, u.due
    ON CONFLICT (schedule_id, due_at) DO NOTHING RETURNING id)";

// The latest of several of one schedule is the last in the block.
constexpr const char* remember_sql = R"(
    UPDATE ops.schedules s SET last_due_at = n.due, last_tick_id = n.id
      FROM (SELECT DISTINCT ON (u.schedule) u.* FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[])
              WITH ORDINALITY AS u(schedule, due, id, n) ORDER BY u.schedule, u.n DESC) AS n
     WHERE s.id = n.schedule)";

}  // namespace

std::string with_prefix(const std::string& topic, const std::string& prefix) {
  return prefix + topic.substr(std::min(topic.find('.'), topic.size()));
}

WallTime wall(long epoch_ms) {
  return WallTime{std::chrono::milliseconds{epoch_ms}};
}

Uuid tick_id(const std::string& schedule_id, WallTime due) {
  return crypto::derived_uuid({schedule_id, to_rfc3339(due)});
}

kafka::Message tick_message(const Schedule& schedule, WallTime due, const std::string& topic_prefix,
                            WallTime now) {
  const std::string id = tick_id(schedule.id, due).to_string();
  return runs::make_message(with_prefix(runs::ticks_topic(schedule.worker), topic_prefix), schedule.id,
                            "rollcall.tick.v1", id, tick_value(schedule, due, id), now);
}

runs::Stored store_ticks(postgres::Transaction& transaction, const std::vector<Firing>& firings,
                         const std::string& topic_prefix, std::chrono::milliseconds resend_after,
                         WallTime now) {
  runs::Stored stored;
  if (firings.empty()) return stored;
  std::vector<std::string> schedules, causes;
  std::vector<postgres::Value> dues;
  std::vector<Uuid> ids;
  std::vector<long> windows;
  for (const auto& firing : firings) {
    schedules.push_back(firing.schedule.id);
    causes.push_back(firing.cause);
    dues.push_back(value(firing.due));
    ids.push_back(tick_id(firing.schedule.id, firing.due));
    windows.push_back(static_cast<long>(firing.schedule.catch_up_window.count()));
  }
  std::set<Uuid> fresh;
  for (const auto& row :
       transaction.query(insert_ticks, {array(schedules), array(dues), array(ids), array(causes),
                                        value(static_cast<long>(resend_after.count())), array(windows)})) {
    fresh.insert(row.uuid(0));
  }
  for (std::size_t i = 0; i < firings.size(); ++i) {
    if (fresh.erase(ids[i]) == 0) continue;
    stored.messages.push_back(tick_message(firings[i].schedule, firings[i].due, topic_prefix, now));
  }
  stored.ids = runs::store_in_outbox(transaction, stored.messages);
  return stored;
}

void remember_ticks(postgres::Transaction& transaction, const std::vector<Firing>& firings) {
  if (firings.empty()) return;
  std::vector<std::string> schedules;
  std::vector<postgres::Value> dues;
  std::vector<Uuid> ids;
  for (const auto& firing : firings) {
    schedules.push_back(firing.schedule.id);
    dues.push_back(value(firing.due));
    ids.push_back(tick_id(firing.schedule.id, firing.due));
  }
  transaction.execute(remember_sql, {array(schedules), array(dues), array(ids)});
}

}  // namespace rollcall::scheduler
