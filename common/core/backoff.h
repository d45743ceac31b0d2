#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace rollcall {

/// Exponential backoff with full jitter. `attempt` counts from 1, `random` is in [0, 1).
struct Backoff {
  std::chrono::milliseconds base{500};
  std::chrono::milliseconds cap{60'000};

  [[nodiscard]] std::chrono::milliseconds delay(int attempt, double random) const {
    const int doublings = std::clamp(attempt - 1, 0, 30);
    const double ceiling =
        std::min(static_cast<double>(cap.count()),
                 static_cast<double>(base.count()) * static_cast<double>(1LL << doublings));
    // Never zero: a tenth of the ceiling keeps a crowd from coming back at once.
    return std::chrono::milliseconds{static_cast<std::int64_t>(ceiling * (0.1 + 0.9 * random))};
  }
};

}  // namespace rollcall
