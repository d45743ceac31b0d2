#pragma once
#include "common/kafka/kafka.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace rollcall::worker {

/// A kafka::TopicPartition that need not be made to be looked up.
using PartitionName = std::pair<std::string_view, std::int32_t>;

/// Which offsets may be committed while work finishes out of order: per partition the contiguous finished
/// prefix. Pure.
class CommitTracker {
 public:
  void started(const PartitionName& partition, std::int64_t offset);
  void finished(const PartitionName& partition, std::int64_t offset);
  /// The partition was taken away: what still finishes there is someone else's to commit.
  void forget(const kafka::TopicPartition& partition);
  /// Next offsets to read, of the partitions whose prefix grew since the last call.
  std::map<kafka::TopicPartition, std::int64_t> take_committable();
  /// Started and not finished.
  [[nodiscard]] std::size_t open() const { return open_; }

 private:
  struct Entry {
    std::int64_t offset;
    bool finished = false;
  };
  struct Partition {
    std::deque<Entry> offsets;  // above the prefix, in order; they may have gaps
    std::int64_t next = -1;
    bool moved = false;
    /// The first that is not before `offset`.
    std::deque<Entry>::iterator find(std::int64_t offset);
  };
  struct ByName {
    using is_transparent = void;
    bool operator()(const PartitionName& a, const PartitionName& b) const { return a < b; }
  };
  std::map<kafka::TopicPartition, Partition, ByName> partitions_;
  std::size_t open_ = 0;
};

/// A tracker that threads share: the poll thread starts and commits, whoever is done finishes.
class Offsets {
 public:
  void started(const PartitionName& partition, std::int64_t offset) {
    const std::lock_guard lock(mutex_);
    tracker_.started(partition, offset);
  }
  void finished(const PartitionName& partition, std::int64_t offset) {
    const std::lock_guard lock(mutex_);
    tracker_.finished(partition, offset);
    if (waiting_ && tracker_.open() < wanted_) fewer_.notify_all();
  }
  void forget(const kafka::TopicPartition& partition) {
    const std::lock_guard lock(mutex_);
    tracker_.forget(partition);
  }
  /// Waits until fewer than `wanted` are open; false where that took longer than `patience`. One thread calls
  /// it.
  bool wait_for_fewer(std::size_t wanted, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    wanted_ = wanted;
    waiting_ = true;
    const bool fewer = fewer_.wait_for(lock, patience, [&] { return tracker_.open() < wanted; });
    waiting_ = false;
    return fewer;
  }
  std::map<kafka::TopicPartition, std::int64_t> take_committable() {
    const std::lock_guard lock(mutex_);
    return tracker_.take_committable();
  }
  [[nodiscard]] std::size_t open() const {
    const std::lock_guard lock(mutex_);
    return tracker_.open();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable fewer_;
  std::size_t wanted_ = 0;
  bool waiting_ = false;
  CommitTracker tracker_;
};

/// The message a piece of work came from. finish() lets its offset be committed.
struct Ticket {
  std::shared_ptr<Offsets> offsets;               ///< shared: a delivery report may come after the loop ended
  std::shared_ptr<const kafka::Message> message;  ///< as it came, should it have to be buried
  void finish() const { offsets->finished({message->topic, message->partition}, message->offset); }
};

}  // namespace rollcall::worker
