#pragma once
#include "common/core/clock.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// How a linked group is, as everybody who looks at one says it.
namespace rollcall::group_health {

enum class State {
  healthy,
  ownerless,     ///< can be synced, but nobody looks after it
  unmanageable,  ///< its members cannot be changed; the reason says why
  soft_deleted,  ///< can be restored for a while
  gone,          ///< for good: the organization's link to it was removed
  unreachable,   ///< cannot be told: Microsoft Graph failed, or finds it nowhere and may yet
};
const char* to_string(State state);
std::optional<State> parse_state(std::string_view name);

/// What a look at a group means.
struct Verdict {
  State state = State::unreachable;
  std::string reason;   ///< code of common/core/reasons; empty: healthy
  std::string message;  ///< why, in a sentence
  std::optional<WallTime> restorable_until;
  std::optional<long> owners;  ///< nothing: not known; owners_shown_max: so many or more
  bool nowhere = false;        ///< neither the group nor a deleted one is found
};

/// Of a group that is neither there nor among what was deleted, so far.
Verdict found_nowhere();

/// Of an expanded relationship Graph shows so many at most (known-issues).
inline constexpr long owners_shown_max = 20;

/// When so many links would be removed at once that it is rather we who cannot see: the wrong tenant, a
/// permission that was taken away, an outage.
struct AbsenceLimits {
  std::size_t floor = 3;  ///< so many are never suspicious, unless they are all there are
  double share = 0.1;     ///< of the linked groups
};
/// `absent`: groups found nowhere, and links removed for that within a day. `linked`: all, those included.
bool suspicious(std::size_t absent, std::size_t linked, const AbsenceLimits& limits);

}  // namespace rollcall::group_health
