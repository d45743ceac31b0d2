#pragma once
#include "common/core/clock.h"
#include "common/core/token_bucket.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>

/// Paces every call of one app in one tenant to Microsoft's quota (throttling-limits, identity and access):
/// resource units per 10 s and writes per 150 s. A Retry-After stops everybody until it is over.
namespace rollcall::graph {

enum class Priority { interactive, bulk };

/// What a call costs in Graph's units.
struct Cost {
  double resource_units = 1;
  double writes = 0;
};

struct GovernorLimits {
  double resource_units =
      3500;  ///< per window; a tenant of the smallest size. Larger ones are learnt from the headers.
  double resource_units_max = 8000;
  std::chrono::milliseconds resource_unit_window{10'000};
  double writes = 3000;
  std::chrono::milliseconds write_window{150'000};
};

/// Shared by all threads of a process. The seam for sharing between processes is apply_pause() and
/// set_share().
class Governor {
 public:
  Governor(GovernorLimits limits, const Clock& clock);

  /// Blocks until the cost fits, at most `patience`. Nothing is reserved where it returns nothing; `wait`
  /// then says how long it would have taken. Interactive callers go before bulk ones. Throws nothing.
  std::optional<std::uint64_t> acquire(Cost cost, Priority priority, std::chrono::milliseconds patience,
                                       const std::stop_token& stop, std::chrono::milliseconds& wait);
  /// The answer to reservation `id` is in; `actual` is what it really cost where the headers said so.
  void settle(std::uint64_t id, Cost actual);

  /// A Retry-After: nobody sends before now + pause.
  void apply_pause(std::chrono::milliseconds pause);
  /// x-ms-throttle-limit-percentage: share of the quota the service believes is used (0.8 to 1.8).
  void observe_percentage(double percentage);
  /// This process's share of the quota, (0, 1]; 1 while it is alone.
  void set_share(double share);

  struct Status {
    double resource_units_used, resource_units_limit, writes_used, writes_limit;
    std::chrono::milliseconds paused_for;
  };
  [[nodiscard]] Status status() const;

 private:
  void refresh(SteadyTime now) const;
  void learn(double percentage, double write_share, SteadyTime now);
  std::optional<std::chrono::milliseconds> room_for(const Cost& cost, SteadyTime now);
  void announce();

  const GovernorLimits limits_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable_any changed_;
  std::uint64_t change_ = 0;  // counts what may let a waiter go on
  mutable WindowBudget resource_units_;
  mutable WindowBudget writes_;
  std::map<std::uint64_t, Cost> reserved_;
  double units_in_flight_ = 0;
  std::uint64_t last_id_ = 0;
  std::deque<std::uint64_t> waiting_[2];  // tickets by priority, first come first served
  SteadyTime paused_until_{};
  double share_ = 1;
  double units_known_;          // the tenant's quota as far as we know
  mutable double caution_ = 1;  // below 1 for a while after a 429
  mutable SteadyTime cautious_at_{};
  double foreign_ = 0;  // share of the quota that others of our app and tenant use
  SteadyTime foreign_until_{};
  std::optional<SteadyTime> evidence_since_;  // of a larger quota
  SteadyTime evidence_last_{};
  double evidence_units_ = 0;
};

}  // namespace rollcall::graph
