#include "common/kafka/follower.h"

#include "common/core/error.h"
#include "common/kafka/handle.h"
#include "common/log/log.h"

namespace rollcall::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// A partition that someone adds is found in seconds. A topic without any has not been made yet.
constexpr std::chrono::seconds look_every{10}, look_again{1};
constexpr std::chrono::milliseconds look_timeout{2'000};

Error unusable(const std::string& what, rd_kafka_resp_err_t error) {
  return {Fault::transient, "kafka_unavailable", "Kafka: " + what + ": " + rd_kafka_err2str(error)};
}

}  // namespace

struct Follower::State {
  State(Options given, std::string name) : options(std::move(given)), topic(std::move(name)) {
    // librdkafka wants a group's name to read at all; with assign() and no commit the group never comes into
    // being.
    auto conf = internal::configure(options, {{"group.id", "rollcall-follow"},
                                              {"enable.auto.commit", "false"},
                                              {"enable.auto.offset.store", "false"},
                                              {"allow.auto.create.topics", "false"},
                                              {"auto.offset.reset", "earliest"},
                                              {"fetch.wait.max.ms", "100"},
                                              {"fetch.error.backoff.ms", "100"},
                                              // Bounded memory: 4 MiB and 2,000 messages ahead.
                                              {"queued.max.messages.kbytes", "4096"},
                                              {"queued.min.messages", "2000"},
                                              {"topic.metadata.refresh.interval.ms", "10000"}});
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int error, const char* reason, void*) {
      internal::log_error(error, reason);
    });
    handle = internal::make(RD_KAFKA_CONSUMER, std::move(conf));
    rd_kafka_poll_set_consumer(handle.get());
  }
  ~State() { rd_kafka_consumer_close(handle.get()); }

  void assign() {
    const internal::Partitions list(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
    for (std::size_t i = 0; i < next.size(); ++i)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(i))->offset =
          next[i];
    if (const auto error = rd_kafka_assign(handle.get(), list.get()))
      throw unusable("assigning " + topic, error);
    looked = SteadyClock::now();
  }

  void notice_new_partitions() {
    if (SteadyClock::now() - looked < (next.empty() ? look_again : look_every)) return;
    looked = SteadyClock::now();
    const Topic named(rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr));
    const auto found = internal::metadata(handle.get(), false, named.get(), look_timeout);
    if (!found || found->topic_cnt != 1) return;  // the broker is away: looked for again
    const auto count = static_cast<std::size_t>(std::max(found->topics[0].partition_cnt, 0));
    if (count <= next.size()) return;
    log::info("kafka_partitions_added", {{"topic", topic}, {"partitions", count}});
    next.resize(count);  // each new one from offset 0
    assign();
  }

  void take(const rd_kafka_message_t& raw, std::vector<Message>& taken) {
    if (raw.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      taken.push_back(internal::to_message(raw));
      const auto partition = static_cast<std::size_t>(raw.partition);
      if (partition < next.size()) next[partition] = raw.offset + 1;
    } else if (raw.err == RD_KAFKA_RESP_ERR__FATAL) {
      throw unusable("following " + topic, raw.err);
    } else if (raw.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      log::warn("kafka_consumer_error", {{"error", std::string(rd_kafka_message_errstr(&raw))}});
    }
  }

  using Topic = internal::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
  const Options options;
  const std::string topic;
  internal::Handle handle;
  std::vector<std::int64_t> next;  // by partition
  SteadyClock::time_point looked;
};

Follower::Follower(Options options, std::string topic)
    : state_(std::make_unique<State>(std::move(options), std::move(topic))) {}
Follower::~Follower() = default;

std::vector<std::int64_t> Follower::start(std::chrono::milliseconds timeout,
                                          const std::vector<std::int64_t>& from) {
  auto& next = state_->next;
  next.clear();
  for (const auto& range :
       internal::ranges_of(state_->handle.get(), state_->options, state_->topic, timeout)) {
    const auto partition = static_cast<std::size_t>(range.partition);
    if (partition >= next.size()) next.resize(partition + 1);
    next[partition] = partition < from.size() ? from[partition] : range.next;
  }
  state_->assign();
  return next;
}

std::vector<Message> Follower::poll(std::size_t max, std::chrono::milliseconds timeout) {
  state_->notice_new_partitions();
  std::vector<Message> taken;
  const auto until = SteadyClock::now() + timeout;
  while (taken.size() < max) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
    const int wait = taken.empty() ? static_cast<int>(std::max<long>(0, left)) : 0;
    const internal::RawMessage raw(rd_kafka_consumer_poll(state_->handle.get(), wait));
    if (raw) {
      state_->take(*raw, taken);
    } else if (!taken.empty() || left <= 0) {
      break;
    }
  }
  return taken;
}

}  // namespace rollcall::kafka
