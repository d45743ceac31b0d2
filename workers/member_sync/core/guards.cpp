#include "workers/member_sync/core/guards.h"

#include <cmath>

namespace rollcall::member_sync {
namespace {

const Json& member(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

void read_count(const Json& value, long& into) {
  if (value.is_number_integer() && value.get<long>() >= 0) into = value.get<long>();
}

void read_share(const Json& value, double& into) {
  if (!value.is_number()) return;
  const double share = value.get<double>();
  if (share >= 0 && share <= 1) into = share;
}

void read_flag(const Json& value, bool& into) {
  if (value.is_boolean()) into = value.get<bool>();
}

std::string percent(double share) {
  return std::to_string(std::lround(share * 100)) + " %";
}

}  // namespace

Guards guards_from_json(const Json& overrides) {
  Guards guards;
  const Json& removals = member(overrides, "removals");
  read_count(member(removals, "count"), guards.removals.count);
  read_count(member(removals, "floor"), guards.removals.floor);
  read_share(member(removals, "share"), guards.removals.share);
  read_flag(member(removals, "off"), guards.removals.off);
  read_flag(member(member(overrides, "empty_roster"), "off"), guards.empty_roster_off);
  return guards;
}

std::optional<Problem> tripped_guard(const Guards& guards, const Plan& plan, std::size_t roster_size,
                                     std::size_t group_size) {
  if (plan.removals.empty()) return std::nullopt;
  const std::string figures = std::to_string(plan.removals.size()) + " of " + std::to_string(group_size) +
                              " members would be removed";
  if (roster_size == 0 && !guards.empty_roster_off)
    return Problem{"guard_empty_roster", "the roster names nobody, and " + figures};
  const RemovalGuard& guard = guards.removals;
  if (guard.off) return std::nullopt;
  const auto removals = static_cast<long>(plan.removals.size());
  if (removals > guard.count)
    return Problem{"guard_removals", figures + ", more than " + std::to_string(guard.count)};
  if (removals > guard.floor && static_cast<double>(removals) > guard.share * static_cast<double>(group_size))
    return Problem{"guard_removals", figures + ", more than " + percent(guard.share) + " of the group"};
  return std::nullopt;
}

}  // namespace rollcall::member_sync
