#pragma once
#include "common/core/clock.h"

#include <chrono>
#include <deque>
#include <string>

namespace rollcall::sandbox_graph {

/// A quota over a sliding window. Requests made while throttled count too, as Microsoft says of its own.
class Quota {
 public:
  Quota(double limit, std::chrono::milliseconds window) : limit_(limit), window_(window) {}

  void set_limit(double limit) { limit_ = limit; }
  [[nodiscard]] double limit() const { return limit_; }
  void reset();
  /// Share of the limit used, 1.0: all of it.
  [[nodiscard]] double share(WallTime now);
  /// Whether `units` fit; they are charged either way.
  bool charge(double units, WallTime now);
  /// How long until `units` would fit.
  [[nodiscard]] std::chrono::milliseconds wait_for(double units, WallTime now);

 private:
  struct Spent {
    WallTime at;
    double units;
  };
  void expire(WallTime now);
  double limit_;
  std::chrono::milliseconds window_;
  std::deque<Spent> spent_;
  double used_ = 0;
};

struct Cost {
  double units = 1;
  double writes = 0;
};

/// What one app may spend in one tenant (throttling-limits, identity and access).
struct Throttle {
  Quota units{8000, std::chrono::seconds(10)};
  Quota writes{3000, std::chrono::seconds(150)};
};

struct Verdict {
  bool admitted = true;
  std::chrono::seconds retry_after{0};
  double share = 0;         ///< the larger of the two quotas' shares
  std::string information;  ///< x-ms-throttle-information
  std::string scope;        ///< Read or Write
};
Verdict judge(Throttle& throttle, Cost cost, WallTime now);

}  // namespace rollcall::sandbox_graph
