#pragma once
#include "common/core/clock.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

/// Waiting that a stop cuts short. Nothing in Rollcall sleeps in any other way: a process that is told to stop
/// has a deadline, and a thread that sleeps does not know of it.
namespace rollcall {

/// Waits `time`; false where a stop was asked for first.
inline bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

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

}  // namespace rollcall
