#include "workers/scheduler/core/decide.h"

#include <algorithm>

namespace rollcall::scheduler {
namespace {

using std::chrono::milliseconds;

/// The first due time after `after` that fires later than `now`.
Result<WallTime> first_ahead(const Schedule& schedule, WallTime after, WallTime now) {
  // Nothing due before now - jitter can still be ahead.
  WallTime from = std::max<WallTime>(after, now - schedule.jitter - milliseconds{1});
  while (true) {
    const auto due = next_due(schedule, from);
    if (!due) return due;
    const auto fires = fires_at(schedule, *due);
    if (!fires || *fires > now) return fires ? due : fires;
    from = *due;
  }
}

/// Where the schedule goes on: the due time, and when it fires. Nothing where it has ended.
Result<Decision> go_on(const Schedule& schedule, Decision decision, WallTime next) {
  const bool last = schedule.remaining && *schedule.remaining <= (decision.fire ? 1 : 0);
  if (last || (schedule.ends_at && next > *schedule.ends_at)) return decision;
  return fires_at(schedule, next).map([&](WallTime fires) {
    decision.next = next;
    decision.next_fires_at = fires;
    return decision;
  });
}

/// The oldest due time from schedule.due on that the catch-up window still covers.
Result<WallTime> oldest_wanted(const Schedule& schedule, WallTime now) {
  const WallTime oldest = now - schedule.catch_up_window;
  if (schedule.due >= oldest) return schedule.due;
  return next_due(schedule, oldest - milliseconds{1});
}

}  // namespace

Result<Decision> decide(const Schedule& schedule, const Previous& previous, WallTime now) {
  const auto wanted = oldest_wanted(schedule, now);
  if (!wanted) return unexpected<Problem>(wanted.error());
  Decision decision;
  decision.missed = *wanted != schedule.due;
  const WallTime due = *wanted;
  const bool ended =
      (schedule.remaining && *schedule.remaining <= 0) || (schedule.ends_at && due > *schedule.ends_at);
  if (ended) return decision;
  if (decision.missed) {  // the first one wanted may be still to come
    const auto fires = fires_at(schedule, due);
    if (!fires) return unexpected<Problem>(fires.error());
    if (*fires > now) return go_on(schedule, decision, due);
  }

  const bool open = previous.open || previous.buffered;
  if (!open || schedule.overlap == Overlap::allow_all) {
    decision.fire = due;
  } else if (schedule.overlap == Overlap::buffer_one && !previous.buffered) {
    decision.buffer = due;
  } else {
    decision.skipped = true;
  }
  const auto following = next_due(schedule, due);
  if (!following) return unexpected<Problem>(following.error());
  const auto fires = fires_at(schedule, *following);
  if (!fires) return unexpected<Problem>(fires.error());
  const bool within = !schedule.ends_at || *following <= *schedule.ends_at;
  if (*fires > now || schedule.overlap == Overlap::allow_all || !within) {
    return go_on(schedule, decision, *following);
  }

  // More came due by now: they overlap with what was just decided.
  WallTime last = due;
  const bool one_left = schedule.remaining && *schedule.remaining <= 1;
  if (schedule.overlap == Overlap::buffer_one && decision.fire && !one_left) {
    decision.buffer = *following;
    last = *following;
  }
  const auto ahead = first_ahead(schedule, last, now);
  if (!ahead) return unexpected<Problem>(ahead.error());
  const auto second = next_due(schedule, last);
  decision.skipped = decision.skipped || (second && *second != *ahead);
  return go_on(schedule, decision, *ahead);
}

Answer answer_request(Overlap overlap, bool open) {
  if (!open || overlap == Overlap::allow_all) return Answer::fire;
  return overlap == Overlap::skip ? Answer::drop : Answer::wait;
}

}  // namespace rollcall::scheduler
