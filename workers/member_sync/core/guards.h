#pragma once
#include "common/core/json.h"
#include "common/core/result.h"
#include "workers/member_sync/core/plan.h"

#include <optional>

namespace rollcall::member_sync {

/// Limits beyond which a plan with removals waits for a person's approval. They hold on the first run, too.
struct RemovalGuard {
  long count = 1000;    ///< more removals than this always trip
  double share = 0.20;  ///< more than this part of the group trips …
  long floor = 10;  ///< … unless there are no more removals than this: in a small group every share is large
  bool off = false;
};

struct Guards {
  RemovalGuard removals;
  bool empty_roster_off = false;
};

/// From directory.organizations.guards: {"removals":{"count","share","floor","off"},"empty_roster":{"off"}}.
/// What is missing or makes no sense keeps its default: a typing error must not switch a guard off.
Guards guards_from_json(const Json& overrides);

/// The reason why this plan must be approved first: guard_empty_roster or guard_removals, with the figures.
/// `roster_size`: people on the roster that are known to the directory.
std::optional<Problem> tripped_guard(const Guards& guards, const Plan& plan, std::size_t roster_size,
                                     std::size_t group_size);

}  // namespace rollcall::member_sync
