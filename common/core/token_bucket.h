#pragma once
#include "common/core/clock.h"

#include <chrono>
#include <deque>
#include <optional>

namespace rollcall {

/// A quota of `limit` units in any window of `window`: never more in whichever window the service looks at,
/// be its own accounting a token bucket, a sliding or a fixed window, and the whole quota may be spent at
/// once. Pure: time is an argument and must not go backwards. A unit counts from when it is reserved until
/// one window after it was settled, because the service charges it somewhere between the two.
class WindowBudget {
 public:
  WindowBudget(double limit, std::chrono::milliseconds window);

  void set_limit(double limit);
  [[nodiscard]] double limit() const { return limit_; }
  /// Units that count at `now`, reservations in flight included.
  [[nodiscard]] double used(SteadyTime now);
  /// How long until `units` fit beside what counts; zero: now. Nothing: only a settlement can make room.
  std::optional<std::chrono::milliseconds> wait_for(double units, SteadyTime now);
  void reserve(double units);
  void settle(double reserved, double actual, SteadyTime now);

 private:
  struct Slot {
    SteadyTime opened;   // when its first unit would have expired alone
    SteadyTime expires;  // when its last one does
    double units;
  };
  void expire(SteadyTime now);
  double limit_;
  std::chrono::milliseconds window_;
  std::chrono::milliseconds slot_;  // settlements this close together share one slot
  std::deque<Slot> slots_;
  double settled_ = 0;
  double in_flight_ = 0;
};

}  // namespace rollcall
