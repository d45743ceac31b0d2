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

/// x-ms-throttle-priority. `high` is for calls that a person waits for and is no different here.
enum class Priority { low, normal };

struct Cost {
  double units = 1;
  double writes = 0;
};

/// What one app may spend in one tenant (throttling-limits, identity and access).
struct Throttle {
  Quota units{8000, std::chrono::seconds(10)};
  Quota writes{3000, std::chrono::seconds(150)};
  double owed = 0;  ///< rejections due: above the limit each request adds its share
};

struct Verdict {
  bool admitted = true;
  std::chrono::seconds retry_after{0};
  double share = 0;         ///< the larger of the two quotas' shares
  std::string information;  ///< x-ms-throttle-information
  std::string scope;        ///< Write or ReadWrite
};
/// Up to the limit everything is admitted; above it a share that grows with the excess is rejected: at 1.2
/// times the limit 20 % of requests, at 1.8 times 80 %. Low priority is rejected first, all of it.
Verdict judge(Throttle& throttle, Cost cost, Priority priority, WallTime now);

}  // namespace rollcall::sandbox_graph
