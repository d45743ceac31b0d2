#pragma once
#include "common/core/clock.h"
#include "common/core/token_bucket.h"
#include "common/graph/waiting_line.h"

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

/// Paces every call of one app in one tenant to Microsoft's quota (throttling-limits, identity and access):
/// resource units per 10 s and writes per 150 s. A Retry-After stops everybody until it is over.
namespace rollcall::graph {

/// Requests in one $batch (json-batching).
inline constexpr int batch_parts_max = 20;

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

/// Parts of the whole quota: of resource units and of writes. 1: all of it.
using PerQuota = std::array<double, 2>;

/// Shared by all threads of a process. What is told to it from outside (pauses, its share) comes from
/// ThrottleChannel where several processes divide one quota; alone it has all of it.
class Governor {
 public:
  Governor(GovernorLimits limits, const Clock& clock);

  /// Blocks until the cost fits, at most `patience`. Nothing is reserved where it returns nothing; `wait`
  /// then says how long it would have taken. The order is WaitingLine's. Throws nothing.
  std::optional<std::uint64_t> acquire(Cost cost, Priority priority, std::chrono::milliseconds patience,
                                       const std::stop_token& stop, std::chrono::milliseconds& wait,
                                       const std::string& organization = {});
  /// acquire() step by step, for whoever has no thread that could wait: stands in line from here on …
  std::uint64_t ask(Cost cost, Priority priority, std::chrono::milliseconds patience,
                    const std::string& organization);
  struct Look {
    enum class Answer { granted, refused, wait } answer;
    std::chrono::milliseconds wait{0};  ///< refused: as acquire() says it
    SteadyTime until{};                 ///< wait: look again by then, and when anything has changed
  };
  /// … until the answer is something else than to wait; granted, `id` is the reservation's.
  Look look(std::uint64_t id);
  /// The answer to reservation `id` is in; `actual` is what it really cost where the headers said so.
  void settle(std::uint64_t id, Cost actual);

  /// A Retry-After given to this process: nobody sends before now + pause, and the observer is told.
  void apply_pause(std::chrono::milliseconds pause);
  /// A Retry-After given to another process.
  void obey_pause(std::chrono::milliseconds pause);
  /// Called without the lock for every pause of apply_pause() that is news. Set before the first call.
  void on_pause(std::function<void(std::chrono::milliseconds)> observer) { on_pause_ = std::move(observer); }
  /// x-ms-throttle-limit-percentage: share of the quota the service believes is used (0.8 to 1.8).
  void observe_percentage(double percentage);

  /// No call goes beyond this part of the quota; the rest may be promised to others. Nor, for the moment,
  /// beyond `reach`, which grows as it is used up. What counts already cannot be given up before it has left
  /// the window: returned is what this process holds, the larger of it and the limit.
  PerQuota set_share(PerQuota limit, PerQuota of_others, PerQuota reach = {1, 1});
  /// The share ends at that time by itself: the thread that renews it may be stopped together with all
  /// others.
  void set_lease(SteadyTime until);

  /// As parts of the whole quota.
  struct Demand {
    PerQuota used;                 ///< what counts now
    PerQuota waiting;              ///< what stands in line, or was sent away and is to come again
    std::array<bool, 2> is_short;  ///< somebody had to wait for it within the last seconds
    PerQuota batch;                ///< what a full $batch of writes costs: with less in reach, nothing moves
  };
  Demand demand();

  struct Status {
    double resource_units_used, resource_units_limit, writes_used, writes_limit;
    std::chrono::milliseconds paused_for;
    PerQuota share;
  };
  [[nodiscard]] Status status() const;

 private:
  void refresh(SteadyTime now) const;
  void learn(double percentage, double write_share, SteadyTime now);
  struct Caller {
    Cost cost;
    SteadyTime begun, deadline;
  };
  std::uint64_t join(Cost cost, Priority priority, std::chrono::milliseconds patience,
                     const std::string& organization);
  Look look_locked(std::uint64_t id, bool stopped);
  void leave_line(std::uint64_t id, bool granted, SteadyTime now);
  void remember_refused(const Cost& cost, std::chrono::milliseconds wait, SteadyTime now);
  std::optional<std::chrono::milliseconds> room_for(const Cost& cost, bool next, SteadyTime now);
  bool pause_locked(std::chrono::milliseconds pause);
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
  WaitingLine line_;
  std::map<std::uint64_t, Caller> callers_;  // in line
  Cost waiting_{0, 0};                       // of all of them
  Cost refused_{0, 0};                       // so much would have had to count for all who were sent away
  SteadyTime refused_until_{};
  std::function<void(std::chrono::milliseconds)> on_pause_;
  SteadyTime paused_until_{};
  PerQuota share_{1, 1}, of_others_{0, 0}, reach_{1, 1};
  mutable Cost share_limit_{0, 0};  // what the share alone would allow
  SteadyTime lease_until_ = SteadyTime::max();
  std::array<SteadyTime, 2> short_until_{};
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
