#pragma once
#include "common/core/clock.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

namespace rollcall::front {

struct RateLimits {
  double per_second = 50;  ///< what a caller may ask for in the long run
  double burst = 200;      ///< and at once
};

/// A bucket of tokens per caller, refilled by time. Pure: time is an argument. At most `callers_max` are
/// remembered: those whose bucket has refilled are forgotten first, and forgetting one changes nothing for
/// it.
class RateLimiter {
 public:
  explicit RateLimiter(RateLimits limits, std::size_t callers_max = 100'000);
  /// Nothing: go on. Else how long until the next one is served.
  std::optional<std::chrono::milliseconds> take(const std::string& caller, SteadyTime now);
  [[nodiscard]] std::size_t remembered() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    SteadyTime at;
  };
  void forget_full(SteadyTime now);
  RateLimits limits_;
  std::size_t callers_max_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace rollcall::front
