#include "workers/group_health/core/second_look.h"

#include "common/core/group_absence.h"

#include <algorithm>

namespace rollcall::group_health {

using std::chrono::milliseconds;

SecondLook second_look(milliseconds missing_for, std::chrono::seconds linked_for, milliseconds delay) {
  const GroupLook nowhere{404, 404};
  // One look alone, or two in quick succession, may have met the same replica that lags behind.
  const bool twice = missing_for > milliseconds{0} && missing_for >= delay;
  if (judge_group(twice ? nowhere : GroupLook{}, nowhere, linked_for) == GroupState::gone) return {true, {}};
  const milliseconds until_old = replication_max - linked_for;
  return {false, std::max({delay - missing_for, until_old, milliseconds{1'000}})};
}

}  // namespace rollcall::group_health
