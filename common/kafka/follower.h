#pragma once
#include "common/kafka/kafka.h"

namespace rollcall::kafka {

/// Follows a topic as it grows, without a group: every process that has one reads everything. Partitions that
/// are added later are noticed and read from their beginning. One thread calls it.
class Follower {
 public:
  /// Asks nobody yet.
  Follower(Options options, std::string topic);
  ~Follower();
  /// Where poll() reads on, each partition by its number: `from`, and the end of those that it does not name.
  /// Throws Error{transient, "kafka_unavailable"} where no broker answers within the timeout; to be tried
  /// again.
  std::vector<std::int64_t> start(std::chrono::milliseconds timeout,
                                  const std::vector<std::int64_t>& from = {});
  /// Up to `max` messages, in order within each partition; waits at most `timeout` for the first. What
  /// retention or a new topic of the same name took away is passed over. Throws as start() where the handle
  /// is beyond repair.
  std::vector<Message> poll(std::size_t max, std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::kafka
