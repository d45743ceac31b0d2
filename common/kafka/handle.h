#pragma once
#include "common/core/error.h"
#include "common/kafka/kafka.h"
#include "common/kafka/reader.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

/// Inside this folder only: librdkafka's handles with owners.
namespace rollcall::kafka::internal {

template <auto Destroy>
struct Deleter {
  template <class T>
  void operator()(T* raw) const {
    Destroy(raw);
  }
};
template <class T, auto Destroy>
using Owned = std::unique_ptr<T, Deleter<Destroy>>;

using Conf = Owned<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using Handle = Owned<rd_kafka_t, rd_kafka_destroy>;
using Partitions = Owned<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using RawMessage = Owned<rd_kafka_message_t, rd_kafka_message_destroy>;
using Metadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Common settings, then ours, then options.extra. Throws Error{config, "setting_invalid"} naming the
/// setting.
Conf configure(const Options& options, const Settings& ours);
/// `opaque` is what callbacks get. Takes `conf` over. Throws Error{config, "setting_invalid"}.
Handle make(rd_kafka_type_t type, Conf conf);
/// Errors that librdkafka reports and heals by itself; logged, a broker going away once in a while is no
/// news.
void log_error(int error, const char* reason);
/// An error as people say it. "": no broker answers, which librdkafka has many words for.
std::string words(rd_kafka_resp_err_t error);
/// Error{transient, "kafka_unavailable"}: no broker answers, or `why` in other cases.
Error unavailable(const Options& options, const std::string& why);
/// Empties on failure (`problem` says why).
Metadata metadata(rd_kafka_t* handle, bool all_topics, rd_kafka_topic_t* only,
                  std::chrono::milliseconds timeout, std::string* problem = nullptr);
Message to_message(const rd_kafka_message_t& raw);
/// topic_ranges() by a handle that is there already.
std::vector<Range> ranges_of(rd_kafka_t* handle, const Options& options, const std::string& topic,
                             std::chrono::milliseconds timeout);

}  // namespace rollcall::kafka::internal
