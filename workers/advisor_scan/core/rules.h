#pragma once
#include "common/core/json.h"
#include "workers/advisor_scan/core/limits.h"
#include "workers/advisor_scan/core/snapshot.h"

#include <span>
#include <string>
#include <vector>

namespace rollcall::advisor_scan {

/// What a rule found, beside what the table says of the rule.
struct Found {
  std::optional<Uuid> organization;  ///< nothing: about the tenant as a whole
  std::string subject;               ///< what it is about, where a rule finds several of one organization
  Json evidence;  ///< times rather than ages, so that it stays the same while nothing changes
  const char* severity = nullptr;  ///< where it is another than the rule's
};

struct Rule {
  const char* id;
  const char* pillar;
  const char* severity;
  Sources sources;  ///< without one of them, nothing is found and nothing resolved
  bool tenant;      ///< about the tenant as a whole: not looked at in a scan of one organization
  const char* title;
  const char* remedy;
  std::vector<Found> (*find)(const Snapshot&, const Limits&);
};

/// All rules, by pillar. Their ids are stable: open findings carry them.
std::span<const Rule> all_rules();
const Rule* find_rule(std::string_view id);

/// What `snapshot` says of a rule. Nothing where a source of its was not read, or it is not in the scan's
/// scope.
std::optional<std::vector<Found>> judge(const Rule& rule, const Snapshot& snapshot, const Limits& limits);

// The rules' functions, by what they look at.

std::vector<Found> stale_groups(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> unchecked_groups(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> overdue_drift(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> unscheduled_syncs(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> unmatched_members(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> unresolved_addresses(const Snapshot& snapshot, const Limits& limits);

std::vector<Found> failing_runs(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> waiting_approvals(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> starving_runs(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> throttling(const Snapshot& snapshot, const Limits& limits);

std::vector<Found> paused_schedules(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> paused_workers(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> frequent_full_reads(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> dead_letters(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> audit_gaps(const Snapshot& snapshot, const Limits& limits);

std::vector<Found> expiring_certificates(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> expiring_credentials(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> expiring_grants(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> hidden_application(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> excessive_permissions(const Snapshot& snapshot, const Limits& limits);
std::vector<Found> missing_permissions(const Snapshot& snapshot, const Limits& limits);

}  // namespace rollcall::advisor_scan
