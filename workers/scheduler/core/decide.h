#pragma once
#include "common/core/schedule.h"

/// What a due schedule does, decided from values alone.
namespace rollcall::scheduler {

using schedules::Overlap;
using schedules::Schedule;

/// The schedule's previous tick, as PostgreSQL knows it.
struct Previous {
  /// Not served by its worker yet, or a run it started is queued, running or waiting. A run that needs
  /// approval does not count: it waits for a person, for days perhaps.
  bool open = false;
  bool buffered = false;  ///< a due time waits for it already
};

struct Decision {
  std::optional<WallTime> fire;    ///< a tick for this due time, now
  std::optional<WallTime> buffer;  ///< keep this due time until the previous tick is no longer open
  bool missed = false;             ///< due times older than the catch-up window were left out
  bool skipped = false;            ///< due times were left out because of the overlap policy
  std::optional<WallTime> next;    ///< the next due time; nothing: the schedule has ended
  WallTime next_fires_at;          ///< when it fires, jitter included
};

/// For a schedule that is due at `now`: fires_at(schedule.due) ≤ now. Due times are taken in their order. Of
/// those that came due together (the scheduler was away) skip fires the first, buffer_one fires the first
/// and buffers the second, and allow_all fires one a call, so it is asked again at once. Problem as
/// next_due().
Result<Decision> decide(const Schedule& schedule, const Previous& previous, WallTime now);

/// What becomes of a request of an operator while the schedule's previous tick is `open`.
enum class Answer { fire, wait, drop };
Answer answer_request(Overlap overlap, bool open);

}  // namespace rollcall::scheduler
