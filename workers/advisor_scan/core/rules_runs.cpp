#include "workers/advisor_scan/core/rules.h"

/// Runs: do they come to their ends, and in time.
namespace rollcall::advisor_scan {

std::vector<Found> failing_runs(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& history : snapshot.histories)
    if (history.failures >= limits.failed_runs)
      found.push_back({history.organization,
                       history.worker,
                       {{"worker", history.worker},
                        {"failures", history.failures},
                        {"run_id", history.failed_run.to_string()},
                        {"code", history.code}}});
  return found;
}

std::vector<Found> waiting_approvals(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& plans : snapshot.approvals)
    if (snapshot.taken_at - plans.since >= limits.approval_after)
      found.push_back({plans.organization,
                       "",
                       {{"run_id", plans.oldest_run.to_string()},
                        {"since", to_rfc3339(plans.since)},
                        {"waiting", plans.waiting},
                        {"code", plans.code}}});
  return found;
}

/// A kind that is paused does what it was told: that it is, is another rule's.
std::vector<Found> starving_runs(const Snapshot& snapshot, const Limits& limits) {
  const auto starves = [&](const std::optional<WallTime>& oldest, milliseconds allowed) {
    return oldest && snapshot.taken_at - *oldest >= allowed;
  };
  std::vector<Found> found;
  for (const auto& queue : snapshot.queues) {
    // Where nobody works, nothing stands behind anything.
    const auto bulk_allowed = queue.living == 0 ? limits.queued_after : limits.bulk_queued_after;
    const bool urgent = starves(queue.oldest, limits.queued_after);
    if (queue.paused || (!urgent && !starves(queue.oldest_bulk, bulk_allowed))) continue;
    found.push_back({std::nullopt,
                     queue.worker,
                     {{"worker", queue.worker},
                      {"queued", queue.queued},
                      {"oldest", to_rfc3339(urgent ? *queue.oldest : *queue.oldest_bulk)},
                      {"living", queue.living}},
                     queue.living == 0 ? "critical" : nullptr});
  }
  return found;
}

std::vector<Found> throttling(const Snapshot& snapshot, const Limits& limits) {
  const auto& [requests, throttled] = snapshot.traffic;
  if (throttled < limits.throttled_requests || throttled * 100 < requests * limits.throttled_percent)
    return {};
  return {{std::nullopt,
           "",
           {{"requests", requests},
            {"throttled", throttled},
            {"window_seconds", limits.throttle_window.count() / 1000}}}};
}

}  // namespace rollcall::advisor_scan
