#include "common/worker/commit_tracker.h"

#include <algorithm>
#include <utility>

namespace rollcall::worker {

void CommitTracker::started(const kafka::TopicPartition& partition, std::int64_t offset) {
  auto& state = partitions_[partition];
  if (offset < state.next) return;  // read again after a rewind: already inside the committed prefix
  if (state.offsets.emplace(offset, false).second) ++open_;
}

void CommitTracker::finished(const kafka::TopicPartition& partition, std::int64_t offset) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  auto& state = found->second;
  const auto entry = state.offsets.find(offset);
  if (entry == state.offsets.end() || entry->second) return;
  entry->second = true;
  --open_;
  while (!state.offsets.empty() && state.offsets.begin()->second) {
    state.next = state.offsets.begin()->first + 1;
    state.moved = true;
    state.offsets.erase(state.offsets.begin());
  }
}

void CommitTracker::forget(const kafka::TopicPartition& partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  const auto& offsets = found->second.offsets;
  open_ -= static_cast<std::size_t>(
      std::ranges::count_if(offsets, [](const auto& entry) { return !entry.second; }));
  partitions_.erase(found);
}

std::map<kafka::TopicPartition, std::int64_t> CommitTracker::take_committable() {
  std::map<kafka::TopicPartition, std::int64_t> next;
  for (auto& [partition, state] : partitions_) {
    if (std::exchange(state.moved, false)) next.emplace(partition, state.next);
  }
  return next;
}

}  // namespace rollcall::worker
