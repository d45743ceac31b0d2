#include "workers/advisor_scan/core/rules.h"

/// What was set up or stopped by hand, and what fell by the wayside.
namespace rollcall::advisor_scan {
namespace {

constexpr std::size_t listed_max = 20;

bool reads_in_full(const schedules::Schedule& schedule) {
  const auto full =
      schedule.parameters.is_object() ? schedule.parameters.find("full_read") : schedule.parameters.end();
  return schedule.parameters.is_object() && full != schedule.parameters.end() && *full == true;
}

}  // namespace

std::vector<Found> paused_schedules(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& [schedule, paused, ended, paused_at] : snapshot.schedules)
    if (paused && paused_at && snapshot.taken_at - *paused_at >= limits.paused_after)
      found.push_back(
          {std::nullopt,
           schedule.id,
           {{"schedule", schedule.name}, {"worker", schedule.worker}, {"since", to_rfc3339(*paused_at)}}});
  return found;
}

std::vector<Found> paused_workers(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& pause : snapshot.pauses)
    if (snapshot.taken_at - pause.since >= limits.paused_after)
      found.push_back(
          {std::nullopt, pause.worker, {{"worker", pause.worker}, {"since", to_rfc3339(pause.since)}}});
  return found;
}

std::vector<Found> frequent_full_reads(const Snapshot& snapshot, const Limits& limits) {
  std::vector<Found> found;
  for (const auto& state : snapshot.schedules) {
    const auto& schedule = state.schedule;
    if (state.paused || state.ended || !reads_in_full(schedule)) continue;
    const auto due = schedules::next_due(schedule, snapshot.taken_at);
    const auto next = due ? schedules::next_due(schedule, *due) : due;
    if (!due || !next || *next - *due >= limits.full_read_every) continue;
    found.push_back(
        {std::nullopt,
         schedule.id,
         {{"schedule", schedule.name}, {"every_seconds", milliseconds{*next - *due}.count() / 1000}}});
  }
  return found;
}

std::vector<Found> dead_letters(const Snapshot& snapshot, const Limits&) {
  std::vector<Found> found;
  for (const auto& topic : snapshot.dead_letters)
    if (topic.letters > 0)
      found.push_back({std::nullopt,
                       topic.topic,
                       {{"topic", topic.topic},
                        {"letters", topic.letters},
                        {"codes", topic.codes},
                        {"oldest", topic.oldest ? Json(to_rfc3339(*topic.oldest)) : Json(nullptr)}}});
  return found;
}

/// One finding for all runs of an organization: they have one cause.
std::vector<Found> audit_gaps(const Snapshot& snapshot, const Limits& limits) {
  std::map<Uuid, Found> found;
  for (const auto& gap : snapshot.audit_gaps) {
    if (gap.events >= gap.changes || snapshot.taken_at - gap.finished_at < limits.audit_grace) continue;
    auto& one = found[gap.organization];
    one.organization = gap.organization;
    if (one.evidence.is_null()) one.evidence = {{"runs", 0}, {"missing", 0}, {"first", Json::array()}};
    one.evidence["runs"] = one.evidence["runs"].get<long>() + 1;
    one.evidence["missing"] = one.evidence["missing"].get<long>() + gap.changes - gap.events;
    if (one.evidence["first"].size() < listed_max) one.evidence["first"].push_back(gap.run.to_string());
  }
  std::vector<Found> list;
  for (auto& [organization, one] : found)
    list.push_back(std::move(one));
  return list;
}

}  // namespace rollcall::advisor_scan
