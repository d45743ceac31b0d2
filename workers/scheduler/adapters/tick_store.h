#pragma once
#include "common/core/clock.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"
#include "common/schedules/schedules.h"
#include "workers/scheduler/core/decide.h"

#include <string>
#include <vector>

/// Schedules and ticks in PostgreSQL.
namespace rollcall::scheduler {

using schedules::read_schedule;
using schedules::schedule_column_count;
using schedules::schedule_columns;

/// `topic` with the leading "rollcall" replaced: tests on one broker keep apart by it.
std::string with_prefix(const std::string& topic, const std::string& prefix);

/// SQL: whether the previous tick of schedule `s` is open. It is while its worker has not served it and it is
/// still sent, and while a run it started is queued, running or waiting. Not as EXISTS: that the planner may
/// answer by hashing all ticks and all runs; a subquery with LIMIT it probes by the index, schedule by
/// schedule.
inline constexpr const char* previous_open = R"(
    (s.last_tick_id IS NOT NULL AND (
        (SELECT true FROM ops.ticks t WHERE t.schedule_id = s.id AND t.due_at = s.last_due_at
            AND t.served_at IS NULL AND t.expires_at > now() LIMIT 1) IS NOT NULL
     OR (SELECT true FROM ops.runs r WHERE r.tick_id = s.last_tick_id
            AND r.open_state IN ('queued', 'running', 'waiting') LIMIT 1) IS NOT NULL)))";

/// A due time about to fire.
struct Firing {
  Schedule schedule;
  WallTime due;
  std::string cause;  ///< clock, buffer, trigger or backfill
};
/// Derived from schedule and due time, so that a tick sent twice is known to be the same one.
Uuid tick_id(const std::string& schedule_id, WallTime due);
kafka::Message tick_message(const Schedule& schedule, WallTime due, const std::string& topic_prefix,
                            WallTime now);

/// Stores the ticks and their messages in the outbox; leaves out due times that fired before. The caller
/// publishes what is answered.
runs::Stored store_ticks(postgres::Transaction& transaction, const std::vector<Firing>& firings,
                         const std::string& topic_prefix, std::chrono::milliseconds resend_after,
                         WallTime now);

/// Stores in each schedule which tick was its latest.
void remember_ticks(postgres::Transaction& transaction, const std::vector<Firing>& firings);

WallTime wall(long epoch_ms);

}  // namespace rollcall::scheduler
