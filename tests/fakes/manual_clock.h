#pragma once
#include "common/core/clock.h"

#include <atomic>
#include <chrono>

namespace rollcall::fakes {

/// Both clocks stand still until a test moves them, together. Starts at 2026-01-01T00:00:00Z and a steady
/// time of one day, so that "long ago" is still after the epoch. Callable from any thread.
class ManualClock final : public Clock {
 public:
  ManualClock() = default;
  explicit ManualClock(WallTime wall) : wall_ms_(wall.time_since_epoch().count()) {}

  [[nodiscard]] WallTime wall() const override {
    return WallTime{std::chrono::milliseconds{wall_ms_.load()}};
  }
  [[nodiscard]] SteadyTime steady() const override {
    return SteadyTime{std::chrono::milliseconds{steady_ms_.load()}};
  }

  void advance(std::chrono::milliseconds by) {
    wall_ms_ += by.count();
    steady_ms_ += by.count();
  }
  /// Moves the wall clock alone, as an administrator or NTP would.
  void set_wall(WallTime wall) { wall_ms_ = wall.time_since_epoch().count(); }

 private:
  std::atomic<std::chrono::milliseconds::rep> wall_ms_{1'767'225'600'000};
  std::atomic<std::chrono::milliseconds::rep> steady_ms_{86'400'000};
};

}  // namespace rollcall::fakes
