#pragma once
#include <chrono>
#include <span>

/// What the rules call too much, too old or too soon.
namespace rollcall::advisor_scan {

using std::chrono::milliseconds;

struct Limits {
  milliseconds stale_after{};        ///< a linked group that was not synced for so long is stale
  milliseconds unchecked_after{};    ///< a linked group that group-health has not looked at for so long
  long drift_schedules{};            ///< drift may be as old as so many turns of its schedule
  milliseconds drift_min{};          ///< however often the schedule fires, younger drift is no finding
  long unmatched{};                  ///< so many people in a group without being on its roster
  long unresolved{};                 ///< so many addresses of a roster without exactly one account
  long failed_runs{};                ///< so many failures in a row
  milliseconds runs_window{};        ///< what runs did longer ago is not looked at
  milliseconds approval_after{};     ///< a plan that waits so long for somebody's approval
  milliseconds queued_after{};       ///< a queued run that no worker took for so long starves
  milliseconds bulk_queued_after{};  ///< the same of a run that nobody waits for
  milliseconds throttle_window{};    ///< over which answers 429 are counted
  long throttled_requests{};         ///< so many of them …
  long throttled_percent{};          ///< … and such a share of all requests
  milliseconds full_read_every{};    ///< a schedule of full reads that fires more often wastes quota
  milliseconds paused_after{};       ///< a pause that lasts longer was forgotten
  milliseconds audit_grace{};        ///< a run's audit events may be on their way for so long
  milliseconds audit_window{};       ///< how far back runs are held against the audit trail
  milliseconds credential_before{};  ///< a secret or certificate that ends so soon wants a successor
  milliseconds credential_urgent{};  ///< … this soon, urgently
  milliseconds credential_last{};    ///< … and this soon it is critical
  milliseconds grant_unrenewed{};    ///< what a person granted and was not renewed for so long
};

/// How a limit is set. One row for each; the defaults stand nowhere else.
struct CountLimit {
  long Limits::*member;
  const char* setting;
  long fallback, min, max;
  const char* help;
};
struct TimeLimit {
  milliseconds Limits::*member;
  const char* setting;
  milliseconds fallback, min, max;
  const char* help;
};
std::span<const CountLimit> count_limits();
std::span<const TimeLimit> time_limits();
Limits default_limits();

}  // namespace rollcall::advisor_scan
