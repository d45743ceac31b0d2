#include "workers/member_sync/core/unfinished.h"

#include <algorithm>

namespace rollcall::member_sync {

Aftermath aftermath(const Plan& plan, std::span<const Settled> finished, std::span<const Uuid> group) {
  std::vector<bool> on_record(plan.size(), false);
  for (const Settled& one : finished)
    if (one.change < on_record.size()) on_record[one.change] = true;
  Aftermath found;
  for (std::uint32_t change = 0; change < on_record.size(); ++change) {
    if (on_record[change]) continue;
    if (std::ranges::binary_search(group, plan.member(change)) == plan.is_add(change)) {
      found.in_effect.push_back(change);
    } else {
      found.open = true;
    }
  }
  return found;
}

}  // namespace rollcall::member_sync
