#include "common/kafka/reader.h"

#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/kafka/handle.h"
#include "common/log/log.h"

#include <chrono>
#include <map>

namespace rollcall::kafka {
namespace {

using Topic = internal::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;

constexpr std::chrono::seconds quiet_max{15};

// librdkafka wants a group's name to read at all; with assign() and no commit the group never comes into
// being.
internal::Handle reader(const Options& options) {
  return internal::make(RD_KAFKA_CONSUMER,
                        internal::configure(options, {{"group.id", "rollcall-read"},
                                                      {"enable.auto.commit", "false"},
                                                      {"enable.auto.offset.store", "false"},
                                                      {"allow.auto.create.topics", "false"},
                                                      {"auto.offset.reset", "earliest"},
                                                      {"enable.partition.eof", "true"},
                                                      {"fetch.wait.max.ms", "100"}}));
}

/// Where a partition is read up to: its end is told by a message at or beyond it, or by the partition's own
/// end, since the last offsets may hold no message at all.
class Open {
 public:
  explicit Open(const std::vector<Range>& ranges) {
    for (const auto& range : ranges)
      if (range.first < range.next) next_[range.partition] = range.next;
  }
  [[nodiscard]] bool empty() const { return next_.empty(); }
  /// Whether this offset is still wanted.
  bool wants(std::int32_t partition, std::int64_t offset) {
    const auto found = next_.find(partition);
    if (found == next_.end()) return false;
    const bool inside = offset < found->second;
    if (offset + 1 >= found->second) next_.erase(found);
    return inside;
  }
  void at_end(std::int32_t partition, std::int64_t offset) {
    const auto found = next_.find(partition);
    if (found != next_.end() && offset >= found->second) next_.erase(found);
  }

 private:
  std::map<std::int32_t, std::int64_t> next_;
};

/// A topic that was made a moment ago has partitions whose leader does not know of it yet: that is asked
/// again.
rd_kafka_resp_err_t ask_range(rd_kafka_t* handle, const std::string& topic, Range& range,
                              std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto error = rd_kafka_query_watermark_offsets(handle, topic.c_str(), range.partition, &range.first,
                                                        &range.next, static_cast<int>(timeout.count()));
    const bool settling = error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                          error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!settling || std::chrono::steady_clock::now() >= end) return error;
    pause(std::chrono::milliseconds(50), {});
  }
}

}  // namespace

std::vector<Range> internal::ranges_of(rd_kafka_t* handle, const Options& options, const std::string& topic,
                                       std::chrono::milliseconds timeout) {
  const Topic named(rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  std::string problem = "no answer";
  const auto found = internal::metadata(handle, false, named.get(), timeout, &problem);
  if (!found) throw internal::unavailable(options, problem);
  std::vector<Range> ranges;
  for (int t = 0; t < found->topic_cnt; ++t) {
    const auto& described = found->topics[t];
    if (described.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    for (int i = 0; i < described.partition_cnt; ++i) {
      Range range{described.partitions[i].id, 0, 0};
      const auto error = ask_range(handle, topic, range, timeout);
      if (error) throw internal::unavailable(options, internal::words(error));
      ranges.push_back(range);
    }
  }
  return ranges;
}

std::vector<Range> topic_ranges(const Options& options, const std::string& topic,
                                std::chrono::milliseconds timeout) {
  return internal::ranges_of(reader(options).get(), options, topic, timeout);
}

void read_ranges(const Options& options, const std::string& topic, const std::vector<Range>& ranges,
                 const std::function<bool(Message)>& on_message) {
  Open open(ranges);
  if (open.empty()) return;
  const auto handle = reader(options);
  rd_kafka_poll_set_consumer(handle.get());
  const internal::Partitions partitions(rd_kafka_topic_partition_list_new(static_cast<int>(ranges.size())));
  for (const auto& range : ranges) {
    if (range.first < range.next)
      rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), range.partition)->offset =
          range.first;
  }
  if (const auto error = rd_kafka_assign(handle.get(), partitions.get()))
    throw internal::unavailable(options, internal::words(error));
  auto heard = std::chrono::steady_clock::now();
  bool more = true;
  while (more && !open.empty()) {
    const internal::RawMessage raw(rd_kafka_consumer_poll(handle.get(), 100));
    if (!raw) {
      if (std::chrono::steady_clock::now() - heard > quiet_max)
        throw internal::unavailable(options, "nothing comes");
      continue;
    }
    if (raw->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      heard = std::chrono::steady_clock::now();
      if (open.wants(raw->partition, raw->offset)) more = on_message(internal::to_message(*raw));
    } else if (raw->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      open.at_end(raw->partition, raw->offset);
    } else {
      log::warn("kafka_consumer_error", {{"error", std::string(rd_kafka_message_errstr(raw.get()))}});
    }
  }
  rd_kafka_consumer_close(handle.get());
}

}  // namespace rollcall::kafka
