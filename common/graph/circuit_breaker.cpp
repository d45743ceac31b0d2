#include "common/graph/circuit_breaker.h"

#include <algorithm>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;

/// Who meets the probe under way comes back when it may be over.
constexpr milliseconds while_probing{1'000};

}  // namespace

std::optional<milliseconds> CircuitBreaker::refuse(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (opened_ == 0) return std::nullopt;
  if (now < open_until_) return std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(open_until_ - now));
  if (probing_) return while_probing;
  probing_ = true;
  return std::nullopt;
}

void CircuitBreaker::succeeded() {
  const std::lock_guard lock(mutex_);
  failures_ = 0;
  opened_ = 0;
  probing_ = false;
}

void CircuitBreaker::failed(SteadyTime now, double random) {
  const std::lock_guard lock(mutex_);
  ++failures_;
  // Calls that were under way when it opened fail too, and say nothing new.
  const bool news = opened_ == 0 ? failures_ >= options_.failures_max : probing_;
  if (!news) return;
  probing_ = false;
  open_until_ = now + options_.open.delay(++opened_, random);
}

void CircuitBreaker::not_made() {
  const std::lock_guard lock(mutex_);
  probing_ = false;
}

CircuitBreaker::State CircuitBreaker::state(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  if (opened_ == 0) return State::closed;
  return now < open_until_ ? State::open : State::half_open;
}

}  // namespace rollcall::graph
