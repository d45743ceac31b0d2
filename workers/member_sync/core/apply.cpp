#include "workers/member_sync/core/apply.h"

#include <algorithm>
#include <cstdint>

namespace rollcall::member_sync {
namespace {

void move_up_to(std::deque<Step>& from, std::vector<Step>& to, std::size_t count) {
  for (; count > 0 && !from.empty(); --count) {
    to.push_back(std::move(from.front()));
    from.pop_front();
  }
}

std::size_t room(const Batch& batch) {
  return static_cast<std::size_t>(parts_per_batch) - batch.steps.size();
}

}  // namespace

void PatchCap::observe(int cap_then, int patches, bool overloaded) {
  if (overloaded) {
    if (cap_then <= cap_) cap_ = std::max(1, cap_ / 2);
    clean_ = 0;
  } else if (patches >= cap_ && cap_ < parts_per_batch && ++clean_ >= clean_before_growth) {
    ++cap_;
    clean_ = 0;
  }
}

ApplyQueue::ApplyQueue(const Plan& plan, std::span<const std::uint32_t> finished, bool resumed) {
  std::vector<bool> done(plan.size(), false);
  for (const std::uint32_t change : finished)
    if (change < done.size()) done[change] = true;
  for (std::uint32_t change = 0; change < done.size(); ++change) {
    if (done[change]) continue;
    if (!plan.is_add(change)) {
      ready_removals_.push_back({StepKind::remove_one, {change}, 0, resumed});
      continue;
    }
    if (ready_adds_.empty() || ready_adds_.back().changes.size() == binds_per_patch)
      ready_adds_.push_back({StepKind::add_many, {}, 0, resumed});
    ready_adds_.back().changes.push_back(change);
  }
}

void ApplyQueue::release(SteadyTime now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    std::vector<Step> one;
    one.push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
    push(std::move(one));
  }
}

Batch ApplyQueue::next_batch(SteadyTime now) {
  release(now);
  Batch batch;
  batch.cap = cap_.value();
  move_up_to(ready_adds_, batch.steps, static_cast<std::size_t>(batch.cap));
  move_up_to(ready_singles_, batch.steps, room(batch));
  move_up_to(ready_removals_, batch.steps, room(batch));
  return batch;
}

std::optional<SteadyTime> ApplyQueue::next_due() const {
  if (later_.empty()) return std::nullopt;
  return later_.begin()->first;
}

void ApplyQueue::put_back(Batch batch) {
  push(std::move(batch.steps));
}

void ApplyQueue::push(std::vector<Step> steps) {
  for (Step& step : steps) {
    auto& queue = step.kind == StepKind::add_many  ? ready_adds_
                  : step.kind == StepKind::add_one ? ready_singles_
                                                   : ready_removals_;
    queue.push_back(std::move(step));
  }
}

void ApplyQueue::push_later(std::vector<Step> steps, SteadyTime due) {
  for (Step& step : steps)
    later_.emplace(due, std::move(step));
}

void ApplyQueue::finished(const Batch& batch, bool overloaded) {
  const auto patches = std::ranges::count(batch.steps, StepKind::add_many, &Step::kind);
  cap_.observe(batch.cap, static_cast<int>(patches), overloaded);
}

}  // namespace rollcall::member_sync
