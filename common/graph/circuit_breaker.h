#pragma once
#include "common/core/backoff.h"
#include "common/core/clock.h"

#include <chrono>
#include <mutex>
#include <optional>

namespace rollcall::graph {

struct CircuitBreakerOptions {
  int failures_max = 10;  ///< one after the other, without any answer between them
  /// How long it stays open: doubled with every probe that fails too, with jitter, so that many processes do
  /// not come back together.
  Backoff open{std::chrono::seconds{2}, std::chrono::minutes{1}};
};

/// Stops calling a service that is down. Closed: calls go out. Open: they are refused at once. Half open: one
/// call goes out as a probe, and its answer decides. Any answer but 5xx and none at all is a success: a
/// service that refuses is not down. Safe from any thread; chance is an argument.
class CircuitBreaker {
 public:
  enum class State { closed, half_open, open };
  explicit CircuitBreaker(CircuitBreakerOptions options) : options_(options) {}

  /// Nothing: go ahead, and say afterwards how it went. Else: how long to stay away.
  std::optional<std::chrono::milliseconds> refuse(SteadyTime now);
  void succeeded();
  void failed(SteadyTime now, double random);
  /// The call that was let through was not made after all: its probe is free for another.
  void not_made();
  [[nodiscard]] State state(SteadyTime now) const;

 private:
  const CircuitBreakerOptions options_;
  mutable std::mutex mutex_;
  int failures_ = 0;  // one after the other
  int opened_ = 0;    // times since it was last closed
  SteadyTime open_until_{};
  bool probing_ = false;
};

}  // namespace rollcall::graph
