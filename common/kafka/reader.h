#pragma once
#include "common/kafka/kafka.h"

/// Reading what a topic holds, for people and tools: without a group, and to an end.
namespace rollcall::kafka {

/// Offsets of a partition, from `first` up to but not including `next`.
struct Range {
  std::int32_t partition = 0;
  std::int64_t first = 0;
  std::int64_t next = 0;
};

/// What the topic holds now, each of its partitions; nothing where it does not exist. Throws
/// Error{transient, "kafka_unavailable"} where no broker answers within the timeout.
std::vector<Range> topic_ranges(const Options& options, const std::string& topic,
                                std::chrono::milliseconds timeout);

/// Hands over the messages of these ranges, in order within each partition; `on_message` says whether to go
/// on. What compaction or retention has taken away meanwhile is skipped. Throws Error{transient,
/// "kafka_unavailable"} where nothing comes for 15 s.
void read_ranges(const Options& options, const std::string& topic, const std::vector<Range>& ranges,
                 const std::function<bool(Message)>& on_message);

}  // namespace rollcall::kafka
