#pragma once
#include "common/core/clock.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace rollcall::graph {

/// Waits until `ready` holds (true), or `until` has come on our clock or a stop is asked for (false). In
/// slices, because only the injected clock says what time it is: one moved by hand does not move with the
/// thread that waits.
template <class Ready>
bool wait_until(const Clock& clock, std::unique_lock<std::mutex>& lock, std::condition_variable_any& changed,
                const std::stop_token& stop, SteadyTime until, Ready ready) {
  constexpr std::chrono::steady_clock::duration slice = std::chrono::milliseconds{50};
  while (!ready()) {
    const auto now = clock.steady();
    if (stop.stop_requested() || now >= until) return false;
    changed.wait_for(lock, stop, std::min(slice, until - now), ready);
  }
  return true;
}

}  // namespace rollcall::graph
