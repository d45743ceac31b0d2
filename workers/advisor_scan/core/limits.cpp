#include "workers/advisor_scan/core/limits.h"

#include <array>

namespace rollcall::advisor_scan {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds day = 24h;
constexpr milliseconds year = 365 * day;

constexpr auto counts = std::to_array<CountLimit>({
    {&Limits::drift_schedules, "ROLLCALL_ADVISOR_DRIFT_SCHEDULES", 2, 1, 1'000,
     "known drift older than so many turns of its schedule is a finding"},
    {&Limits::unmatched, "ROLLCALL_ADVISOR_UNMATCHED", 1, 1, 1'000'000,
     "so many people in a group who are not on its roster are a finding"},
    {&Limits::unresolved, "ROLLCALL_ADVISOR_UNRESOLVED", 1, 1, 1'000'000,
     "so many addresses of a roster without exactly one account are a finding"},
    {&Limits::failed_runs, "ROLLCALL_ADVISOR_FAILED_RUNS", 3, 1, 20,
     "so many failed runs of an organization in a row are a finding"},
    {&Limits::throttled_requests, "ROLLCALL_ADVISOR_THROTTLED_REQUESTS", 20, 1, 1'000'000,
     "fewer answers 429 than this are no finding"},
    {&Limits::throttled_percent, "ROLLCALL_ADVISOR_THROTTLED_PERCENT", 5, 1, 100,
     "answers 429 among all requests, from which on they are a finding"},
});

constexpr auto times = std::to_array<TimeLimit>({
    {&Limits::stale_after, "ROLLCALL_ADVISOR_STALE_AFTER", 7 * day, 1h, year,
     "a linked group that was not synced for so long is a finding"},
    {&Limits::unchecked_after, "ROLLCALL_ADVISOR_UNCHECKED_AFTER", 7 * day, 1h, year,
     "a linked group whose health was not looked at for so long is a finding"},
    {&Limits::drift_min, "ROLLCALL_ADVISOR_DRIFT_MIN", 1h, 1min, year,
     "drift younger than this is no finding, however often its schedule fires"},
    {&Limits::runs_window, "ROLLCALL_ADVISOR_RUNS_WINDOW", 14 * day, 1h, year,
     "runs asked for longer ago are not looked at"},
    {&Limits::approval_after, "ROLLCALL_ADVISOR_APPROVAL_AFTER", 3 * day, 1min, year,
     "a plan that waits for approval so long is a finding"},
    {&Limits::queued_after, "ROLLCALL_ADVISOR_QUEUED_AFTER", 15min, 1min, year,
     "a queued run that no worker took for so long is a finding"},
    {&Limits::bulk_queued_after, "ROLLCALL_ADVISOR_BULK_QUEUED_AFTER", 4h, 1min, year,
     "the same of runs that schedules asked for, which may stand behind a long sweep"},
    {&Limits::throttle_window, "ROLLCALL_ADVISOR_THROTTLE_WINDOW", 1h, 1min, 7 * day,
     "answers 429 are counted over this time"},
    {&Limits::full_read_every, "ROLLCALL_ADVISOR_FULL_READ_EVERY", day, 1min, year,
     "a schedule of full reads that fires more often is a finding"},
    {&Limits::paused_after, "ROLLCALL_ADVISOR_PAUSED_AFTER", 7 * day, 1min, year,
     "a schedule or a kind of worker paused for longer is a finding"},
    {&Limits::audit_grace, "ROLLCALL_ADVISOR_AUDIT_GRACE", 1h, 1min, 30 * day,
     "audit events may be on their way for so long after their run ended"},
    {&Limits::audit_window, "ROLLCALL_ADVISOR_AUDIT_WINDOW", day, 1h, year,
     "runs that ended within this time are held against the audit trail"},
    {&Limits::credential_before, "ROLLCALL_ADVISOR_CREDENTIAL_BEFORE", 30 * day, 1h, year,
     "a secret or certificate that ends so soon is a finding"},
    {&Limits::credential_urgent, "ROLLCALL_ADVISOR_CREDENTIAL_URGENT", 7 * day, 1h, year,
     "… of high severity where it ends this soon"},
    {&Limits::credential_last, "ROLLCALL_ADVISOR_CREDENTIAL_LAST", day, 1h, year,
     "… and a critical one where it ends this soon"},
    {&Limits::grant_unrenewed, "ROLLCALL_ADVISOR_GRANT_UNRENEWED", 3 * day, 1h, 90 * day,
     "what a person granted and was not renewed for so long is a finding; Entra ID lets it lapse after 90 "
     "days"},
});

}  // namespace

std::span<const CountLimit> count_limits() {
  return counts;
}

std::span<const TimeLimit> time_limits() {
  return times;
}

Limits default_limits() {
  Limits limits;
  for (const auto& one : counts)
    limits.*one.member = one.fallback;
  for (const auto& one : times)
    limits.*one.member = one.fallback;
  return limits;
}

}  // namespace rollcall::advisor_scan
