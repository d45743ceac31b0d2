#include "common/core/error.h"
#include "common/kafka/handle.h"
#include "common/log/log.h"

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace rollcall::kafka {
namespace {

std::vector<TopicPartition> plain(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> out;
  for (int i = 0; list && i < list->cnt; ++i)
    out.emplace_back(list->elems[i].topic, list->elems[i].partition);
  return out;
}

/// Only a new consumer helps, under another instance id or in this one's place.
[[noreturn]] void fail_for_good(const ConsumerOptions& options, rd_kafka_resp_err_t cause,
                                const std::string& reason) {
  if (cause == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    throw Error(Fault::conflict, "instance_fenced",
                "Another process has taken the place of instance " + options.instance_id + " in group " +
                    options.group + ".");
  }
  throw Error(Fault::conflict, "kafka_consumer_failed",
              "The consumer of group " + options.group + " cannot go on: " + reason);
}

[[noreturn]] void fail(const Options& options, const std::string& what, rd_kafka_resp_err_t error) {
  const std::string why = internal::words(error);
  throw internal::unavailable(options, why.empty() ? "" : what + ": " + why);
}

}  // namespace

struct Consumer::State {
  explicit State(ConsumerOptions given) : options(std::move(given)) {
    const auto session = options.session_timeout.count();
    internal::Settings settings = {
        {"group.id", options.group},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"},
        {"allow.auto.create.topics", "true"},
        // Eager: librdkafka 2.0.2's cooperative rebalances have defects (fixed in 2.3, 2.4 and 2.6.1).
        {"partition.assignment.strategy", "range"},
        {"session.timeout.ms", std::to_string(session)},
        {"heartbeat.interval.ms", std::to_string(std::max<long>(100, session / 4))},
        {"max.poll.interval.ms", std::to_string(std::max<long>(300'000, session))},
        {"fetch.wait.max.ms", std::to_string(options.fetch_wait.count())},
        {"fetch.error.backoff.ms", "100"},
        // Bounded memory: 16 MiB and 10,000 messages ahead.
        {"queued.max.messages.kbytes", "16384"},
        {"queued.min.messages", "10000"},
        // A topic that someone creates later is found in seconds, not in 5 minutes.
        {"topic.metadata.refresh.interval.ms", "10000"}};
    if (!options.instance_id.empty()) settings.emplace_back("group.instance.id", options.instance_id);
    auto conf = internal::configure(options.client, settings);
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int error, const char* reason, void*) {
      internal::log_error(error, reason);
    });
    handle = internal::make(RD_KAFKA_CONSUMER, std::move(conf));
    rd_kafka_poll_set_consumer(handle.get());
    const internal::Partitions topics(
        rd_kafka_topic_partition_list_new(static_cast<int>(options.topics.size())));
    for (const auto& topic : options.topics)
      rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    if (const auto error = rd_kafka_subscribe(handle.get(), topics.get()))
      fail(options.client, "subscribing", error);
  }

  ~State() {
    revoked = nullptr;  // what it refers to may be gone by now
    close();
  }

  static void on_rebalance(rd_kafka_t* raw, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list,
                           void* opaque) {
    auto& self = *static_cast<State*>(opaque);
    try {
      if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        log::info("kafka_partitions_assigned", {{"group", self.options.group}, {"partitions", list->cnt}});
        rd_kafka_assign(raw, list);
        // One that was ours before comes back paused or not, as it was when it was taken away.
        self.paused ? rd_kafka_pause_partitions(raw, list) : rd_kafka_resume_partitions(raw, list);
        return;
      }
      log::info("kafka_partitions_revoked", {{"group", self.options.group},
                                             {"partitions", list->cnt},
                                             {"lost", rd_kafka_assignment_lost(raw) != 0}});
      // Messages gathered by the poll() under way are another member's from here on: eager takes all
      // partitions away.
      self.gathered.clear();
      if (self.revoked) self.revoked(plain(list));
    } catch (const std::exception& problem) {  // must not unwind through librdkafka
      log::error("kafka_rebalance_callback_failed", log::describe(problem));
    }
    rd_kafka_assign(raw, nullptr);
  }

  void close() {
    if (!handle) return;
    if (const auto error = rd_kafka_consumer_close(handle.get())) {
      log::warn("kafka_consumer_close_failed", {{"error", std::string(rd_kafka_err2str(error))}});
    }
    handle.reset();
  }

  rd_kafka_t* raw() const {
    if (!handle) throw Error(Fault::transient, "kafka_unavailable", "Kafka: the consumer has been closed");
    return handle.get();
  }

  void set_paused(bool to) {
    paused = to;
    rd_kafka_topic_partition_list_t* list = nullptr;
    if (rd_kafka_assignment(raw(), &list)) return;
    const internal::Partitions owned(list);
    to ? rd_kafka_pause_partitions(raw(), list) : rd_kafka_resume_partitions(raw(), list);
  }

  ConsumerOptions options;
  std::function<void(const std::vector<TopicPartition>&)> revoked;
  std::vector<Message> gathered;
  bool paused = false;
  internal::Handle handle;
};

Consumer::Consumer(ConsumerOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Consumer::~Consumer() = default;

std::vector<Message> Consumer::poll(std::size_t max, std::chrono::milliseconds timeout) {
  auto& gathered = state_->gathered;
  gathered.clear();
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (gathered.size() < max) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    const int wait = gathered.empty() ? static_cast<int>(std::max<long>(0, left)) : 0;
    const internal::RawMessage raw(rd_kafka_consumer_poll(state_->raw(), wait));
    if (!raw) {
      if (!gathered.empty() || left <= 0) break;
      continue;  // callbacks can end a wait early
    }
    if (raw->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      gathered.push_back(internal::to_message(*raw));
      continue;
    }
    if (raw->err == RD_KAFKA_RESP_ERR__FATAL || raw->err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
      char reason[256] = "";
      const auto cause = rd_kafka_fatal_error(state_->raw(), reason, sizeof reason);
      fail_for_good(state_->options, cause ? cause : raw->err, reason);
    }
    if (raw->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      log::warn("kafka_consumer_error", {{"error", std::string(rd_kafka_message_errstr(raw.get()))}});
    }
  }
  return std::exchange(gathered, {});
}

void Consumer::commit(const std::map<TopicPartition, std::int64_t>& next, bool synchronous) {
  if (next.empty()) return;
  const internal::Partitions list(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [where, offset] : next) {
    rd_kafka_topic_partition_list_add(list.get(), where.first.c_str(), where.second)->offset = offset;
  }
  if (const auto error = rd_kafka_commit(state_->raw(), list.get(), synchronous ? 0 : 1))
    fail(state_->options.client, "committing offsets", error);
  for (int i = 0; synchronous && i < list->cnt; ++i) {
    if (list->elems[i].err)
      fail(state_->options.client, std::string("committing offsets of ") + list->elems[i].topic,
           list->elems[i].err);
  }
}

void Consumer::pause() {
  state_->set_paused(true);
}
void Consumer::resume() {
  state_->set_paused(false);
}
void Consumer::on_revoked(std::function<void(const std::vector<TopicPartition>&)> callback) {
  state_->revoked = std::move(callback);
}
void Consumer::close() {
  state_->close();
}

bool Consumer::reachable() const {
  return state_->handle &&
         internal::metadata(state_->handle.get(), false, nullptr, std::chrono::seconds(2)) != nullptr;
}

}  // namespace rollcall::kafka
