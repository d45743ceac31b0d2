#pragma once
#include "common/kafka/kafka.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace rollcall::worker {

/// Which offsets may be committed while work finishes out of order: per partition the contiguous finished
/// prefix. Pure.
class CommitTracker {
 public:
  void started(const kafka::TopicPartition& partition, std::int64_t offset);
  void finished(const kafka::TopicPartition& partition, std::int64_t offset);
  /// The partition was taken away: what still finishes there is someone else's to commit.
  void forget(const kafka::TopicPartition& partition);
  /// Next offsets to read, of the partitions whose prefix grew since the last call.
  std::map<kafka::TopicPartition, std::int64_t> take_committable();
  /// Started and not finished.
  [[nodiscard]] std::size_t open() const { return open_; }

 private:
  struct Partition {
    std::map<std::int64_t, bool> offsets;  // above the prefix; true: finished. Offsets may have gaps.
    std::int64_t next = -1;
    bool moved = false;
  };
  std::map<kafka::TopicPartition, Partition> partitions_;
  std::size_t open_ = 0;
};

/// A tracker that threads share: the poll thread starts and commits, whoever is done finishes.
class Offsets {
 public:
  void started(const kafka::TopicPartition& partition, std::int64_t offset) {
    const std::lock_guard lock(mutex_);
    tracker_.started(partition, offset);
  }
  void finished(const kafka::TopicPartition& partition, std::int64_t offset) {
    const std::lock_guard lock(mutex_);
    tracker_.finished(partition, offset);
  }
  void forget(const kafka::TopicPartition& partition) {
    const std::lock_guard lock(mutex_);
    tracker_.forget(partition);
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
  CommitTracker tracker_;
};

/// The message a piece of work came from. finish() lets its offset be committed.
struct Ticket {
  std::shared_ptr<Offsets> offsets;  ///< shared: a delivery report may come after the loop ended
  kafka::TopicPartition partition;
  std::int64_t offset = -1;
  std::shared_ptr<const kafka::Message> message;  ///< as it came, should it have to be buried
  void finish() const { offsets->finished(partition, offset); }
};

}  // namespace rollcall::worker
