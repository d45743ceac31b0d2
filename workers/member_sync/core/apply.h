#pragma once
#include "common/core/clock.h"
#include "workers/member_sync/core/judge.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace rollcall::member_sync {

inline constexpr int parts_per_batch = 20;

/// How many PATCHes of 20 binds one batch carries. Microsoft's own tool saw the service answer 503 to many of
/// 20 and found 5 to be safe; nobody promises either, so: start at 20, halve on 503, grow back slowly.
class PatchCap {
 public:
  [[nodiscard]] int value() const { return cap_; }
  /// A batch sent under `cap_then` has finished. Batches that were under way when the cap fell do not lower
  /// it again.
  void observe(int cap_then, int patches, bool overloaded);

 private:
  static constexpr int clean_before_growth = 4;
  int cap_ = parts_per_batch;
  int clean_ = 0;
};

struct Batch {
  std::vector<Step> steps;
  int cap = parts_per_batch;  ///< the cap it was packed under
};

/// The work left of a plan: packs batches and takes in what their answers mean. Pure; time is an argument.
class ApplyQueue {
 public:
  /// `finished`: changes an earlier attempt has checkpointed. `resumed`: any other may have been applied as
  /// well.
  ApplyQueue(const Plan& plan, std::span<const std::uint32_t> finished, bool resumed);

  /// Up to 20 parts: additions up to the cap first, removals fill up. Empty: nothing can be sent at `now`.
  Batch next_batch(SteadyTime now);
  /// Nothing waits to be sent, now or later (what is under way is the caller's to know).
  [[nodiscard]] bool empty() const {
    return ready_adds_.empty() && ready_singles_.empty() && ready_removals_.empty() && later_.empty();
  }
  /// When the next step that waits is due; nothing where none does.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  /// Puts a batch that was not sent back, unchanged.
  void put_back(Batch batch);
  void push(std::vector<Step> steps);
  void push_later(std::vector<Step> steps, SteadyTime due);
  /// One call per finished batch.
  void finished(const Batch& batch, bool overloaded);
  [[nodiscard]] int patch_cap() const { return cap_.value(); }

 private:
  void release(SteadyTime now);
  std::deque<Step> ready_adds_;     // PATCHes
  std::deque<Step> ready_singles_;  // POSTs: light, so outside the cap
  std::deque<Step> ready_removals_;
  std::multimap<SteadyTime, Step> later_;
  PatchCap cap_;
};

}  // namespace rollcall::member_sync
