#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"
#include "common/core/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// When schedules are due, decided from values alone. The words are Temporal's.
namespace rollcall::schedules {

/// What becomes of a due time while the schedule's previous tick is still open. buffer_all is for what an
/// operator asks only: a range ends, a schedule does not.
enum class Overlap { skip, buffer_one, buffer_all, allow_all };
std::string_view to_string(Overlap overlap);
std::optional<Overlap> parse_overlap(std::string_view text);

/// A row of ops.schedules; `id` as text, as messages carry it.
struct Schedule {
  std::string id, name, worker, operation;
  Json parameters = Json::object();
  std::optional<std::string> cron;  ///< exactly one of cron and interval
  std::optional<std::chrono::seconds> interval;
  std::string time_zone = "UTC";
  WallTime due;  ///< the next due time, without jitter; for intervals also the phase
  Overlap overlap = Overlap::skip;
  std::chrono::seconds catch_up_window{86'400};  ///< a due time missed by more is left out
  std::chrono::seconds jitter{0};                ///< a tick fires up to this much after its due time
  std::optional<WallTime> ends_at;               ///< no due time after this
  std::optional<int> remaining;                  ///< so many ticks are left
};

/// The first due time strictly after `after`. An interval keeps its phase: due + k × interval for any whole
/// k. Problem `setting_invalid`: the cron expression, the zone or the interval is wrong.
Result<WallTime> next_due(const Schedule& schedule, WallTime after);

/// When the tick for `due` fires: the same moment each time it is asked, never early, and before the next due
/// time whatever the jitter, so ticks keep their order. Problem as next_due().
Result<WallTime> fires_at(const Schedule& schedule, WallTime due);

/// Due times in [from, to], at most `max`. Problem as next_due(), but none where there is simply no more.
Result<std::vector<WallTime>> due_times(const Schedule& schedule, WallTime from, WallTime to,
                                        std::size_t max);

/// What a tick cannot carry: the worker's name becomes part of a topic's name, and the schema bounds the
/// lengths.
std::optional<Problem> check(const Schedule& schedule);

/// The value of a rollcall.tick.v1 message.
Json tick_value(const Schedule& schedule, WallTime due, const std::string& tick_id);

}  // namespace rollcall::schedules
