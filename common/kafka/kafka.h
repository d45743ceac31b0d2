#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Kafka behind plain values: no librdkafka type leaves this folder.
namespace rollcall::kafka {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Message {
  std::string topic;
  std::string key;
  std::string value;
  Headers headers;
  // Set on messages received:
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  std::int64_t timestamp_ms = 0;
  bool broker_time = false;  ///< the timestamp is the broker's (LogAppendTime), not the sender's
  /// For publish(): into this partition whatever the key; where several keys need one order.
  std::optional<std::int32_t> to_partition{};

  /// First value of a header; nothing where absent.
  [[nodiscard]] std::optional<std::string> header(const std::string& name) const;
};

struct Options {
  std::string brokers;
  std::string client_id;
  /// Extra librdkafka settings, key=value (security.protocol and its kin); they win over ours.
  std::map<std::string, std::string> extra;
};

/// Idempotent producer; keeps order per key. Safe from any thread. Recreated when librdkafka declares it
/// fatal.
class Producer {
 public:
  explicit Producer(Options options);
  ~Producer();
  /// Queues a message; `done(error)` runs once on the producer's thread, with an empty text on delivery.
  /// Blocks while the local queue is full (back-pressure). Messages that cannot be delivered within 2 minutes
  /// are reported as failed.
  void publish(const Message& message, std::function<void(const std::string& error)> done);
  /// Waits for what is queued; false where something is left after `timeout`.
  bool flush(std::chrono::milliseconds timeout);
  [[nodiscard]] bool reachable() const;
  /// Asks where these topics are, so that the first message to each need not wait for the answer. What is not
  /// answered within `timeout` (of all together) is asked again by the first message.
  void prepare(const std::vector<std::string>& topics, std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

using TopicPartition = std::pair<std::string, std::int32_t>;

struct ConsumerOptions {
  Options client;
  std::string group;
  /// Static membership (KIP-345): a restarted process gets its partitions back without a rebalance. Empty:
  /// dynamic.
  std::string instance_id;
  std::vector<std::string> topics;
  std::chrono::milliseconds session_timeout{10'000};
  std::chrono::milliseconds fetch_wait{100};
};

/// One thread calls it. Offsets are committed only by commit(). Range assignment, eager.
class Consumer {
 public:
  explicit Consumer(ConsumerOptions options);
  ~Consumer();
  /// Up to `max` messages; waits at most `timeout` for the first. Throws Error{conflict} where only a new
  /// process helps: "instance_fenced" (another one reads under our instance id), "kafka_consumer_failed".
  std::vector<Message> poll(std::size_t max, std::chrono::milliseconds timeout);
  /// Next offset to read, per partition. Synchronous false: fire and forget.
  void commit(const std::map<TopicPartition, std::int64_t>& next, bool synchronous);
  void pause();
  void resume();
  /// Called on the polling thread when partitions are taken away, before they are given up.
  void on_revoked(std::function<void(const std::vector<TopicPartition>&)> callback);
  [[nodiscard]] bool reachable() const;
  /// Leaves the group.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct TopicDescription {
  std::string name;
  int partitions = 0;
};

struct TopicSpec {
  std::string name;
  int partitions = 4;
  int replication = 1;
  std::map<std::string, std::string> config;
};

/// Throws Error{transient, "kafka_unavailable"} where no broker answers within the timeout.
std::vector<TopicDescription> list_topics(const Options& options, std::chrono::milliseconds timeout);
/// Creates what is missing; returns the names created. A broker that creates topics by itself on first use
/// but has no admin interface (the sandbox's) is asked for their metadata instead.
std::vector<std::string> create_topics(const Options& options, const std::vector<TopicSpec>& topics,
                                       std::chrono::milliseconds timeout);
/// Messages of a topic from its start or end on, without a group, until `keep_going` says no.
void tail(const Options& options, const std::string& topic, bool from_start,
          const std::function<bool()>& keep_going, const std::function<void(const Message&)>& on_message);

}  // namespace rollcall::kafka
