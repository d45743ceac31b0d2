#include "common/worker/commit_tracker.h"

#include <algorithm>
#include <utility>

namespace rollcall::worker {

std::deque<CommitTracker::Entry>::iterator CommitTracker::Partition::find(std::int64_t offset) {
  return std::ranges::lower_bound(offsets, offset, {}, &Entry::offset);
}

void CommitTracker::started(const PartitionName& partition, std::int64_t offset) {
  auto found = partitions_.find(partition);
  if (found == partitions_.end()) found = partitions_.try_emplace(kafka::TopicPartition(partition)).first;
  auto& state = found->second;
  if (offset < state.next) return;  // read again after a rewind: already inside the committed prefix
  const auto entry = state.find(offset);
  if (entry != state.offsets.end() && entry->offset == offset) return;
  state.offsets.insert(entry, Entry{offset});
  ++open_;
}

void CommitTracker::finished(const PartitionName& partition, std::int64_t offset) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  auto& state = found->second;
  const auto entry = state.find(offset);
  if (entry == state.offsets.end() || entry->offset != offset || entry->finished) return;
  entry->finished = true;
  --open_;
  while (!state.offsets.empty() && state.offsets.front().finished) {
    state.next = state.offsets.front().offset + 1;
    state.moved = true;
    state.offsets.pop_front();
  }
}

void CommitTracker::forget(const kafka::TopicPartition& partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  const auto& offsets = found->second.offsets;
  open_ -= static_cast<std::size_t>(
      std::ranges::count_if(offsets, [](const auto& entry) { return !entry.finished; }));
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
