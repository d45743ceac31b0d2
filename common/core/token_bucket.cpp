#include "common/core/token_bucket.h"

#include <algorithm>

namespace rollcall {
namespace {

// Sums of doubles carry rounding of about this much; without it a full quota of fractions would never fit
// again.
constexpr double rounding = 1e-9;

}  // namespace

WindowBudget::WindowBudget(double limit, std::chrono::milliseconds window)
    : limit_(limit), window_(window), slot_(std::max(std::chrono::milliseconds{1}, window / 300)) {}

void WindowBudget::set_limit(double limit) {
  limit_ = limit;
}

double WindowBudget::used(SteadyTime now) {
  expire(now);
  return settled_ + in_flight_;
}

std::optional<std::chrono::milliseconds> WindowBudget::wait_for(double units, SteadyTime now) {
  double excess = used(now) + units - limit_;
  const double tolerance = rounding * std::max(1.0, limit_);
  if (excess <= tolerance) return std::chrono::milliseconds{0};
  for (const Slot& slot : slots_) {
    excess -= slot.units;
    if (excess <= tolerance) return std::chrono::ceil<std::chrono::milliseconds>(slot.expires - now);
  }
  return std::nullopt;
}

void WindowBudget::reserve(double units) {
  in_flight_ += units;
}

void WindowBudget::settle(double reserved, double actual, SteadyTime now) {
  expire(now);
  in_flight_ -= reserved;
  if (in_flight_ < rounding) in_flight_ = 0;
  if (actual <= 0) return;
  settled_ += actual;
  const SteadyTime expires = now + window_;
  if (slots_.empty() || expires - slots_.back().opened >= slot_) {
    slots_.push_back({expires, expires, actual});
    return;
  }
  // The whole slot lives as long as its latest unit: one may count a slot too long, none a moment too short.
  slots_.back().expires = std::max(slots_.back().expires, expires);
  slots_.back().units += actual;
}

void WindowBudget::expire(SteadyTime now) {
  while (!slots_.empty() && slots_.front().expires <= now) {
    settled_ -= slots_.front().units;
    slots_.pop_front();
  }
  // Ends the drift of rounding, in both directions.
  if (slots_.empty()) settled_ = 0;
}

}  // namespace rollcall
