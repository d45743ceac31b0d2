#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"
#include "common/core/result.h"

#include <chrono>
#include <optional>
#include <string>

/// When schedules are due, decided from values alone.
namespace rollcall::scheduler {

/// A row of ops.schedules; `id` as text, as messages carry it.
struct Schedule {
  std::string id, name, worker, operation;
  Json parameters = Json::object();
  std::optional<std::string> cron;  ///< exactly one of cron and interval
  std::optional<std::chrono::seconds> interval;
  std::string time_zone = "UTC";
  WallTime due;  ///< next_due_at; for intervals also the phase
};

/// The first due time strictly after `after`. An interval keeps its phase: due + k × interval, k ≥ 1, however
/// late we are. Problem `setting_invalid`: the cron expression, the zone or the interval is wrong.
Result<WallTime> next_due(const Schedule& schedule, WallTime after);

struct Firing {
  WallTime due;   ///< what the tick is for
  WallTime next;  ///< strictly after now
};
/// For a schedule that is due (schedule.due ≤ now): the latest due time up to now. Those missed before it are
/// dropped: what a sweep would have done an hour ago, the sweep of now does as well.
Result<Firing> fire(const Schedule& schedule, WallTime now);

/// What a tick cannot carry: the worker's name becomes part of a topic's name, and the schema bounds the
/// lengths.
std::optional<Problem> check(const Schedule& schedule);

/// The value of a rollcall.tick.v1 message.
Json tick_value(const Schedule& schedule, WallTime due, const std::string& tick_id);

}  // namespace rollcall::scheduler
