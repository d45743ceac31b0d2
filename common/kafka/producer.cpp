#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/kafka/handle.h"
#include "common/log/log.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace rollcall::kafka {

using Done = std::function<void(const std::string& error)>;

namespace {
/// librdkafka's argument is not const; it copies what we give it (RD_KAFKA_MSG_F_COPY).
char* bytes_of(const std::string& text) {
  return const_cast<char*>(text.data());
}
}  // namespace

struct Producer::State {
  explicit State(Options given) : options(std::move(given)), handle(create()) {
    poller = std::thread([this] { poll_until_stopped(); });
  }

  ~State() {
    wait_empty(std::chrono::seconds(2));  // a last chance; flush() is how a caller waits properly
    stopping.request_stop();
    poller.join();
    abandon(handle.get(), "the producer was closed before delivery");
  }

  internal::Handle create() {
    auto conf = internal::configure(
        options, {{"enable.idempotence", "true"},
                  {"acks", "all"},
                  {"linger.ms", "1"},
                  {"delivery.timeout.ms", "120000"},
                  {"compression.type", "lz4"},
                  {"queue.buffering.max.messages", "50000"},
                  {"queue.buffering.max.kbytes", "65536"},
                  // Java's partitioner, so that other clients put the same key into the same partition.
                  {"partitioner", "murmur2_random"}});
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivered);
    rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int error, const char* reason, void* self) {
      if (error == RD_KAFKA_RESP_ERR__FATAL) static_cast<State*>(self)->fatal = true;
      internal::log_error(error, reason);
    });
    return internal::make(RD_KAFKA_PRODUCER, std::move(conf));
  }

  static void on_delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    const std::unique_ptr<Done> done(static_cast<Done*>(message->_private));
    static_cast<State*>(self)->finish(*done, message->err ? rd_kafka_err2str(message->err) : "");
  }

  void finish(const Done& done, const std::string& error) {
    try {
      if (done) done(error);
    } catch (const std::exception& problem) {  // must not unwind through librdkafka
      log::error("kafka_delivery_callback_failed", log::describe(problem));
    }
    const std::lock_guard lock(mutex);
    --outstanding;
    delivered.notify_all();
  }

  void poll_until_stopped() {
    while (!stopping.stop_requested()) {
      rd_kafka_poll(handle.get(),
                    50);  // only this thread replaces the handle, so it reads it without the lock
      answer_refused("the message was refused");
      if (fatal) recreate();
    }
  }

  /// A fatal error (KIP-360 cases that 2.0.2 cannot heal) leaves a handle that refuses everything, for ever.
  void recreate() {
    char reason[256] = "unknown";
    rd_kafka_fatal_error(handle.get(), reason, sizeof reason);
    log::warn("kafka_producer_recreated", {{"reason", std::string(reason)}});
    try {
      auto replaced = create();
      {
        const std::unique_lock lock(handle_mutex);
        handle.swap(replaced);
      }
      abandon(replaced.get(),
              std::string("the producer failed: ") + reason);  // without the lock: done() may publish
      fatal = false;
    } catch (const std::exception& problem) {
      log::error("kafka_producer_not_recreated", log::describe(problem));
      pause(std::chrono::seconds(1), stopping.get_token());  // the loop tries again
    }
  }

  /// Fails everything that is queued or in flight there, and what was refused.
  void abandon(rd_kafka_t* raw, const std::string& why) {
    rd_kafka_purge(raw, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(raw) > 0)
      rd_kafka_poll(raw, 50);
    answer_refused(why);
  }

  void answer_refused(const std::string& why) {
    std::deque<std::pair<Done, std::string>> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(refused);
    }
    for (const auto& [done, error] : now)
      finish(done, error.empty() ? why : error);
  }

  bool wait_empty(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    return delivered.wait_for(lock, timeout, [&] { return outstanding == 0; });
  }

  const Options options;
  std::mutex mutex;
  std::condition_variable delivered;  // one more message is answered for
  std::size_t outstanding = 0;
  std::deque<std::pair<Done, std::string>>
      refused;  // done() runs on the poll thread, also for what never got queued
  std::stop_source stopping;
  std::atomic<bool> fatal = false;
  mutable std::shared_mutex handle_mutex;  // shared: use the handle; unique: replace it
  internal::Handle handle;
  std::thread poller;
};

Producer::Producer(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Producer::~Producer() = default;

void Producer::publish(const Message& message, std::function<void(const std::string& error)> done) {
  auto owned = std::make_unique<Done>(std::move(done));
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->outstanding;
  }
  const bool on_poller = std::this_thread::get_id() == state_->poller.get_id();
  std::string problem;
  while (true) {
    {
      const std::shared_lock lock(state_->handle_mutex);
      rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
      for (const auto& [name, text] : message.headers) {
        rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                            static_cast<ssize_t>(text.size()));
      }
      std::array<rd_kafka_vu_t, 7> parts{};
      std::size_t count = 5;
      parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
      parts[0].u.cstr = message.topic.c_str();
      parts[1].vtype = RD_KAFKA_VTYPE_VALUE;
      parts[1].u.mem = {bytes_of(message.value), message.value.size()};
      parts[2].vtype = RD_KAFKA_VTYPE_HEADERS;
      parts[2].u.headers = headers;
      parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
      parts[3].u.i = RD_KAFKA_MSG_F_COPY;
      parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
      parts[4].u.ptr = owned.get();
      if (!message.key.empty()) {  // none at all rather than an empty one: such messages are spread
        rd_kafka_vu_t& part = parts.at(count++);
        part.vtype = RD_KAFKA_VTYPE_KEY;
        part.u.mem = {bytes_of(message.key), message.key.size()};
      }
      if (message.to_partition) {
        rd_kafka_vu_t& part = parts.at(count++);
        part.vtype = RD_KAFKA_VTYPE_PARTITION;
        part.u.i32 = *message.to_partition;
      }
      rd_kafka_error_t* error = rd_kafka_produceva(state_->handle.get(), parts.data(), count);
      if (!error) {
        static_cast<void>(owned.release());  // on_delivered's now
        return;
      }
      rd_kafka_headers_destroy(headers);
      const auto code = rd_kafka_error_code(error);
      problem = rd_kafka_error_string(error);
      rd_kafka_error_destroy(error);
      if (code == RD_KAFKA_RESP_ERR__FATAL) {
        state_->fatal = true;
      } else if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        break;
      }
    }
    // done() calling publish() would wait for itself: that one is refused instead.
    if (on_poller) break;
    // A delivery makes room; the bound is for what librdkafka frees without one.
    std::unique_lock lock(state_->mutex);
    state_->delivered.wait_for(lock, std::chrono::milliseconds(20));
  }
  const std::lock_guard lock(state_->mutex);
  state_->refused.emplace_back(std::move(*owned), problem);
}

bool Producer::flush(std::chrono::milliseconds timeout) {
  return state_->wait_empty(timeout);
}

bool Producer::reachable() const {
  if (state_->fatal) return false;  // and not recreated yet: it would deliver nothing
  const std::shared_lock lock(state_->handle_mutex);
  return internal::metadata(state_->handle.get(), false, nullptr, std::chrono::seconds(2)) != nullptr;
}

void Producer::prepare(const std::vector<std::string>& topics, std::chrono::milliseconds timeout) {
  using Topic = internal::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
  const std::shared_lock lock(state_->handle_mutex);
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (const auto& name : topics) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left <= std::chrono::milliseconds{0}) return;
    const Topic topic(rd_kafka_topic_new(state_->handle.get(), name.c_str(), nullptr));
    if (topic) internal::metadata(state_->handle.get(), false, topic.get(), left);
  }
}

}  // namespace rollcall::kafka
