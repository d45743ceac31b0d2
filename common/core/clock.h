#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

/// The two clocks of the outside world, as a seam: wall time is for people and messages, steady time for
/// waiting. Implementations may be called from any thread. tests/fakes/manual_clock.h moves by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] SteadyTime steady() const override;
};

/// RFC 3339 in UTC with milliseconds, "2026-11-21T09:30:00.000Z": the one form in messages, logs and answers.
std::string to_rfc3339(WallTime time);
/// Accepts that form with zero to nine digits of fraction; anything else is nothing.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace rollcall
