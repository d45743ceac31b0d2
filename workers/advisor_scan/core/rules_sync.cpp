#include "workers/advisor_scan/core/rules.h"

#include <algorithm>

/// Groups and rosters: is what is linked kept in sync, and does it come out even.
namespace rollcall::advisor_scan {
namespace {

constexpr const char* sync_worker = "member-sync";
/// An expression fires at uneven times: over so many turns the longest counts.
constexpr int turns_looked_at = 16;
constexpr std::size_t listed_max = 20;

bool is_stale(const Linked& group, WallTime now, const Limits& limits) {
  return now - group.synced_at.value_or(group.changed_at) >= limits.stale_after;
}

bool syncs(const ScheduleState& state) {
  return !state.paused && !state.ended && state.schedule.worker == sync_worker;
}

std::optional<Uuid> organization_of(const ScheduleState& state) {
  return Uuid::parse(text_member(state.schedule.parameters, "organization_id"));
}

std::optional<milliseconds> longest_turn(const schedules::Schedule& schedule, WallTime now) {
  if (schedule.interval) return *schedule.interval;
  std::optional<milliseconds> longest;
  auto due = schedules::next_due(schedule, now);
  for (int turn = 0; due && turn < turns_looked_at; ++turn) {
    const auto next = schedules::next_due(schedule, *due);
    if (!next) break;
    longest = std::max(longest.value_or(milliseconds{0}), milliseconds{*next - *due});
    due = next;
  }
  return longest;
}

/// What the schedules promise: how long until an organization has its turn.
class Coverage {
 public:
  explicit Coverage(const Snapshot& snapshot) {
    for (const auto& state : snapshot.schedules) {
      if (!syncs(state)) continue;
      const auto turn = longest_turn(state.schedule, snapshot.taken_at);
      if (!turn) continue;
      const auto only = organization_of(state);
      auto& known = only ? own_[*only] : all_;
      known = known ? std::min(*known, *turn) : *turn;
    }
  }
  [[nodiscard]] std::optional<milliseconds> turn_of(const Uuid& organization) const {
    const auto own = own_.find(organization);
    if (own == own_.end()) return all_;
    return all_ ? std::min(*all_, *own->second) : own->second;
  }

 private:
  std::optional<milliseconds> all_;
  std::map<Uuid, std::optional<milliseconds>> own_;
};

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json(nullptr);
}

/// Of those histories that belong to syncs, where `count` reaches the limit.
std::vector<Found> counted(const Snapshot& snapshot, long History::*count, long limit, const char* name) {
  std::vector<Found> found;
  for (const auto& history : snapshot.histories)
    if (history.worker == sync_worker && history.succeeded_run && history.*count >= limit)
      found.push_back({history.organization,
                       "",
                       {{name, history.*count}, {"run_id", history.succeeded_run->to_string()}}});
  return found;
}

/// One finding for all organizations of which something holds.
template <class Holds>
std::vector<Found> together(const Snapshot& snapshot, Holds holds) {
  long count = 0;
  Json first = Json::array();
  for (const auto& group : snapshot.linked) {
    if (!holds(group)) continue;
    ++count;
    if (first.size() < listed_max) first.push_back(group.id.to_string());
  }
  if (count == 0) return {};
  return {{std::nullopt, "", {{"organizations", count}, {"first", first}}}};
}

}  // namespace

std::vector<Found> stale_groups(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& group : snapshot.linked)
    if (is_stale(group, snapshot.taken_at, limits))
      found.push_back({group.id,
                       "",
                       {{"group_id", group.group.to_string()},
                        {"synced_at", time_or_null(group.synced_at)},
                        {"changed_at", to_rfc3339(group.changed_at)}}});
  return found;
}

/// How old the drift itself is, nobody knows: it began after the last complete read. A stale group is another
/// rule's.
std::vector<Found> overdue_drift(const Snapshot& snapshot, const Limits& limits) {
  const Coverage coverage(snapshot);
  std::vector<Found> found;
  for (const auto& group : snapshot.linked) {
    const auto turn = coverage.turn_of(group.id);
    const bool drift = group.roster_changed || group.marked_at;
    if (!drift || !turn || !group.synced_at || is_stale(group, snapshot.taken_at, limits)) continue;
    const auto allowed = std::max(*turn * limits.drift_schedules, limits.drift_min);
    const WallTime read_at = group.read_at.value_or(*group.synced_at);
    if (snapshot.taken_at - read_at < allowed) continue;
    found.push_back({group.id,
                     "",
                     {{"group_id", group.group.to_string()},
                      {"read_at", to_rfc3339(read_at)},
                      {"roster_changed", group.roster_changed},
                      {"group_changed_at", time_or_null(group.marked_at)},
                      {"schedule_seconds", turn->count() / 1000}}});
  }
  return found;
}

std::vector<Found> unscheduled_syncs(const Snapshot& snapshot, const Limits&) {
  const Coverage coverage(snapshot);
  return together(snapshot, [&](const Linked& group) { return !coverage.turn_of(group.id); });
}

std::vector<Found> unchecked_groups(const Snapshot& snapshot, const Limits& limits) {
  return together(snapshot, [&](const Linked& group) {
    return snapshot.taken_at - group.checked_at.value_or(group.changed_at) >= limits.unchecked_after;
  });
}

std::vector<Found> unmatched_members(const Snapshot& snapshot, const Limits& limits) {
  return counted(snapshot, &History::unmatched, limits.unmatched, "unmatched");
}

std::vector<Found> unresolved_addresses(const Snapshot& snapshot, const Limits& limits) {
  return counted(snapshot, &History::unresolved, limits.unresolved, "unresolved");
}

}  // namespace rollcall::advisor_scan
