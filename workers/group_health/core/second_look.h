#pragma once
#include <chrono>

/// When a group that was found nowhere is looked at again, and when it is gone.
namespace rollcall::group_health {

struct SecondLook {
  bool gone = false;                      ///< nothing is left to be waited for
  std::chrono::milliseconds again_in{0};  ///< else
};
/// `missing_for`: between the first look that found it nowhere and the last; `linked_for`: no less than the
/// link's age; `delay`: what must lie between two looks for both to count.
SecondLook second_look(std::chrono::milliseconds missing_for, std::chrono::seconds linked_for,
                       std::chrono::milliseconds delay);

}  // namespace rollcall::group_health
