#include "common/core/group_health.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rollcall::group_health {
namespace {

constexpr std::array names{std::pair{State::healthy, "healthy"},
                           std::pair{State::ownerless, "ownerless"},
                           std::pair{State::unmanageable, "unmanageable"},
                           std::pair{State::soft_deleted, "soft_deleted"},
                           std::pair{State::gone, "gone"},
                           std::pair{State::unreachable, "unreachable"}};

}  // namespace

const char* to_string(State state) {
  return std::ranges::find(names, state, [](const auto& pair) { return pair.first; })->second;
}

std::optional<State> parse_state(std::string_view name) {
  const auto* const known = std::ranges::find(names, name, [](const auto& pair) { return pair.second; });
  return known == names.end() ? std::nullopt : std::optional(known->first);
}

Verdict found_nowhere() {
  Verdict verdict;
  verdict.state = State::unreachable;
  verdict.reason = "group_not_found";
  verdict.message = "the group is not found, and it cannot be told yet whether for good";
  verdict.nowhere = true;
  return verdict;
}

bool suspicious(std::size_t absent, std::size_t linked, const AbsenceLimits& limits) {
  const bool all = absent >= 2 && absent >= linked;
  const bool many =
      absent > limits.floor && static_cast<double>(absent) > limits.share * static_cast<double>(linked);
  return all || many;
}

}  // namespace rollcall::group_health
