#pragma once
#include "workers/member_sync/core/judge.h"
#include "workers/member_sync/core/plan.h"

#include <cstdint>
#include <span>
#include <vector>

/// A plan whose run ended in the middle: killed and then cancelled, out of attempts, too old.
namespace rollcall::member_sync {

struct Aftermath {
  std::vector<std::uint32_t> in_effect;  ///< changes nobody has put on record that the group shows
  /// Others that nobody has put on record: never sent, refused, or in effect and not to be seen yet.
  bool open = false;
};

/// `finished`: the changes on record. `group`: sorted, as it is now.
Aftermath aftermath(const Plan& plan, std::span<const Settled> finished, std::span<const Uuid> group);

}  // namespace rollcall::member_sync
