#include "workers/scheduler/core/schedule.h"

#include "common/core/cron.h"

#include <algorithm>

namespace rollcall::scheduler {
namespace {

using std::chrono::milliseconds;

unexpected<Problem> invalid(const std::string& message) {
  return unexpected<Problem>(Problem{"setting_invalid", message});
}

/// The latest due time in [first, now] of a monotone "next after": bisection, because a minutely cron after a
/// week of downtime has ten thousand missed times and a million schedules may come due at once.
Result<WallTime> latest_cron(const Cron& cron, const std::string& zone, WallTime first, WallTime now) {
  WallTime low = first - milliseconds{1};  // next after low is not after now
  WallTime high = now;                     // next after high is after now
  while (high - low > std::chrono::minutes{1}) {
    const WallTime middle = low + (high - low) / 2;
    const auto next = cron.next_after(middle, zone);
    if (next && *next <= now) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return cron.next_after(low, zone);  // cron has minutes: no second one fits between low and high
}

}  // namespace

Result<WallTime> next_due(const Schedule& schedule, WallTime after) {
  if (schedule.cron) {
    return Cron::parse(*schedule.cron).and_then([&](const Cron& cron) {
      return cron.next_after(after, schedule.time_zone);
    });
  }
  if (!schedule.interval || schedule.interval->count() <= 0) {
    return invalid("a schedule needs a cron expression or an interval of at least one second");
  }
  const milliseconds interval = *schedule.interval;
  const auto passed = after < schedule.due ? 0 : (after - schedule.due) / interval;
  return schedule.due + (passed + 1) * interval;
}

Result<Firing> fire(const Schedule& schedule, WallTime now) {
  const auto next = next_due(schedule, schedule.due);
  if (!next) return unexpected<Problem>(next.error());
  if (*next > now) return Firing{schedule.due, *next};  // nothing missed

  const auto coming = next_due(schedule, now);
  if (!coming) return unexpected<Problem>(coming.error());
  if (schedule.interval) return Firing{*coming - *schedule.interval, *coming};
  return Cron::parse(*schedule.cron)
      .and_then([&](const Cron& cron) { return latest_cron(cron, schedule.time_zone, *next, now); })
      .map([&](WallTime due) {
        return Firing{due, *coming};
      });
}

std::optional<Problem> check(const Schedule& schedule) {
  const auto in_topic_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  const std::string& worker = schedule.worker;
  if (worker.empty() || worker.size() > 64 || !std::ranges::all_of(worker, in_topic_name)) {
    return Problem{"setting_invalid", "worker: 1 to 64 of a-z, 0-9 and '-'"};
  }
  if (schedule.operation.empty() || schedule.operation.size() > 64) {
    return Problem{"setting_invalid", "operation: 1 to 64 characters"};
  }
  if (schedule.name.empty() || schedule.name.size() > 256) {
    return Problem{"setting_invalid", "name: 1 to 256 characters"};
  }
  if (!schedule.parameters.is_object()) return Problem{"setting_invalid", "parameters: a JSON object"};
  return std::nullopt;
}

Json tick_value(const Schedule& schedule, WallTime due, const std::string& tick_id) {
  return {{"tick_id", tick_id},
          {"schedule_id", schedule.id},
          {"schedule_name", schedule.name},
          {"worker", schedule.worker},
          {"operation", schedule.operation},
          {"due_at", to_rfc3339(due)},
          {"parameters", schedule.parameters}};
}

}  // namespace rollcall::scheduler
