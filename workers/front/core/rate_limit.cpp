#include "workers/front/core/rate_limit.h"

#include <algorithm>

namespace rollcall::front {
namespace {

double seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

RateLimiter::RateLimiter(RateLimits limits, std::size_t callers_max)
    : limits_(limits), callers_max_(callers_max) {}

std::optional<std::chrono::milliseconds> RateLimiter::take(const std::string& caller, SteadyTime now) {
  auto found = buckets_.find(caller);
  if (found == buckets_.end()) {
    if (buckets_.size() >= callers_max_) forget_full(now);
    // More callers at once than can be told apart: they share what one more would have.
    const std::string& name = buckets_.size() >= callers_max_ ? std::string() : caller;
    found = buckets_.emplace(name, Bucket{limits_.burst, now}).first;
  }
  Bucket& bucket = found->second;
  bucket.tokens =
      std::min(limits_.burst, bucket.tokens + seconds_between(bucket.at, now) * limits_.per_second);
  bucket.at = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const double seconds = (1 - bucket.tokens) / limits_.per_second;
  return std::chrono::milliseconds(static_cast<long>(seconds * 1000) + 1);
}

void RateLimiter::forget_full(SteadyTime now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const auto& [name, bucket] = entry;
    return bucket.tokens + seconds_between(bucket.at, now) * limits_.per_second >= limits_.burst;
  });
}

}  // namespace rollcall::front
