#include "common/core/schedule.h"

#include "common/core/cron.h"

#include <algorithm>
#include <array>

namespace rollcall::schedules {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::pair<Overlap, std::string_view>, 4> overlaps{{{Overlap::skip, "skip"},
                                                                        {Overlap::buffer_one, "buffer_one"},
                                                                        {Overlap::buffer_all, "buffer_all"},
                                                                        {Overlap::allow_all, "allow_all"}}};

unexpected<Problem> invalid(const std::string& message) {
  return unexpected<Problem>(Problem{"setting_invalid", message});
}

/// FNV-1a over the id, then splitmix64: spreads neighbouring due times, needs no randomness, and is the same
/// in every process and version.
std::uint64_t spread(const std::string& id, WallTime due) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  hash += static_cast<std::uint64_t>(due.time_since_epoch().count()) * 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

}  // namespace

std::string_view to_string(Overlap overlap) {
  return std::ranges::find(overlaps, overlap, [](const auto& pair) { return pair.first; })->second;
}

std::optional<Overlap> parse_overlap(std::string_view text) {
  const auto found = std::ranges::find(overlaps, text, [](const auto& pair) { return pair.second; });
  return found == overlaps.end() ? std::nullopt : std::optional{found->first};
}

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
  const auto passed = after - schedule.due;
  // Towards minus infinity: a phase in the future must not skip the time between.
  const auto steps = passed / interval - (passed % interval < milliseconds{0} ? 1 : 0);
  return schedule.due + (steps + 1) * interval;
}

Result<WallTime> fires_at(const Schedule& schedule, WallTime due) {
  if (schedule.jitter.count() <= 0) return due;
  return next_due(schedule, due).map([&](WallTime next) {
    const auto room = std::min<milliseconds>(schedule.jitter, next - due);
    return due +
           milliseconds{spread(schedule.id, due) % static_cast<std::uint64_t>(std::max(1L, room.count()))};
  });
}

Result<std::vector<WallTime>> due_times(const Schedule& schedule, WallTime from, WallTime to,
                                        std::size_t max) {
  std::vector<WallTime> times;
  for (WallTime after = from - milliseconds{1}; times.size() < max; after = times.back()) {
    const auto next = next_due(schedule, after);
    if (!next) return unexpected<Problem>(next.error());
    if (*next > to) break;
    times.push_back(*next);
  }
  return times;
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

}  // namespace rollcall::schedules
