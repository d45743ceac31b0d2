#include "ops/sandbox/graph/throttle.h"

#include <algorithm>

namespace rollcall::sandbox_graph {

void Quota::reset() {
  spent_.clear();
  used_ = 0;
}

void Quota::expire(WallTime now) {
  while (!spent_.empty() && spent_.front().at + window_ <= now) {
    used_ -= spent_.front().units;
    spent_.pop_front();
  }
}

double Quota::share(WallTime now) {
  expire(now);
  return used_ / limit_;
}

bool Quota::charge(double units, WallTime now) {
  if (units <= 0) return true;
  expire(now);
  const bool fits = used_ + units <= limit_;
  if (!spent_.empty() && spent_.back().at == now) {
    spent_.back().units += units;
  } else {
    spent_.push_back({now, units});
  }
  used_ += units;
  return fits;
}

std::chrono::milliseconds Quota::wait_for(double units, WallTime now) {
  expire(now);
  double left = used_;
  if (left + units <= limit_) return std::chrono::milliseconds(0);
  for (const Spent& spent : spent_) {
    left -= spent.units;
    if (left + units <= limit_) return spent.at + window_ - now;
  }
  return window_;
}

namespace {

/// Exactly the share, spread evenly, rather than by chance.
bool rejects(Throttle& throttle, double share, Priority priority) {
  if (priority == Priority::low) return true;
  throttle.owed += std::min(share - 1.0, 1.0);
  if (throttle.owed < 1.0 - 1e-9) return false;
  throttle.owed -= 1.0;
  return true;
}

}  // namespace

Verdict judge(Throttle& throttle, Cost cost, Priority priority, WallTime now) {
  const bool units_fit = throttle.units.charge(cost.units, now);
  const bool writes_fit = throttle.writes.charge(cost.writes, now);
  Verdict verdict;
  verdict.share = throttle.units.share(now);
  // A read says nothing of the write quota, as a real one does not.
  if (cost.writes > 0) verdict.share = std::max(verdict.share, throttle.writes.share(now));
  verdict.admitted = (units_fit && writes_fit) || !rejects(throttle, verdict.share, priority);
  if (verdict.admitted) return verdict;
  const auto wait =
      std::max(units_fit ? std::chrono::milliseconds(0) : throttle.units.wait_for(cost.units, now),
               writes_fit ? std::chrono::milliseconds(0) : throttle.writes.wait_for(cost.writes, now));
  verdict.retry_after = std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds(1));
  verdict.information = writes_fit ? "ResourceUnitLimitExceeded" : "WriteLimitExceeded";
  verdict.scope = writes_fit ? "ReadWrite" : "Write";
  return verdict;
}

}  // namespace rollcall::sandbox_graph
