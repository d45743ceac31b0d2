#pragma once
#include "common/core/clock.h"
#include "common/graph/quota_share.h"
#include "common/kafka/kafka.h"
#include "tests/simulation/timeline.h"

#include <map>
#include <optional>
#include <set>
#include <variant>

/// Kafka as far as it can be felt: partitions with offsets, groups that rebalance, commits that are lost,
/// deliveries that fail, come late or come twice.
namespace rollcall::simulation {

struct CommandNote {
  Uuid run, organization;
  int parameters = 0;
  int epoch = 0;  ///< which queueing of the run it speaks of: for the invariants alone
};
struct TickNote {
  std::size_t schedule = 0;
  WallTime due;
};
struct RunNews {
  Uuid run;
  std::string state;
};
struct AuditNote {
  Uuid id, run;
};
struct PauseNote {
  std::string member;
  milliseconds pause;
};
using Payload = std::variant<CommandNote, TickNote, RunNews, AuditNote, PauseNote, graph::ShareNews>;

struct Message {
  std::string topic;
  Uuid key;
  Payload payload;
};

struct Record {
  kafka::TopicPartition partition;
  std::int64_t offset = 0;
  SteadyTime appended;
  Payload payload;
};

struct BrokerFaults {
  double undelivered = 0;    ///< the sender hears of a failure …
  double kept_anyway = 0.5;  ///< … though so many of these were appended
  double twice = 0;
  double commit_lost = 0;
  milliseconds latency{20};
};

class Broker {
 public:
  Broker(Timeline& timeline, Random& random) : timeline_(timeline), random_(random) {}

  void create(const std::string& topic, int partitions);
  /// `done(delivered)` on the sender, unless it has died.
  void publish(const HostPtr& from, Message message, std::function<void(bool delivered)> done = {});

  /// One member of a group, for one topic.
  struct Consumer {
    HostPtr host;
    std::string group, topic;
    std::function<void()> on_records;  ///< there is something to poll
    std::function<void(const std::vector<kafka::TopicPartition>&)> on_revoked;
    std::map<kafka::TopicPartition, std::int64_t> positions;  // assigned
    int generation = 0;
    bool woken = false, left = false;
  };
  std::shared_ptr<Consumer> subscribe(Consumer consumer);
  std::vector<Record> poll(const std::shared_ptr<Consumer>& consumer, std::size_t max);
  void commit(const std::shared_ptr<Consumer>& consumer,
              const std::map<kafka::TopicPartition, std::int64_t>& next);
  void leave(const std::shared_ptr<Consumer>& consumer);
  /// What a client does by itself all the time: finds out whether it is still a member.
  void touch(const std::shared_ptr<Consumer>& consumer) { wake(consumer, milliseconds{5}); }
  /// To be told when a host dies or stops: after the session timeout its partitions are others'.
  void watch(const HostPtr& host);

  /// Every record of a topic from its start on, to a reader without a group.
  void tail(const HostPtr& host, const std::string& topic, std::function<void(const Record&)> read);
  /// Of each partition with records since then, the last is committed.
  void check_committed(SteadyTime since) const;
  /// Everything that has been appended is gone; offsets stay.
  void lose_data();

  BrokerFaults faults;
  double gaps = 0;  ///< offsets without a record, as transactions leave them
  bool away = false;
  /// Asked of every record that a commit passes: may it be forgotten?
  std::function<void(const Record&)> on_committed;

 private:
  struct Log {
    std::map<std::int64_t, Record> records;
    std::int64_t end = 0;
  };
  struct Tail {
    HostPtr host;
    std::function<void(const Record&)> read;
    std::int64_t position = 0;
    bool woken = false;
  };
  struct Group {
    std::vector<std::shared_ptr<Consumer>> members;
    std::map<kafka::TopicPartition, std::int64_t> committed;
    int generation = 0;
  };
  void append(const Message& message);
  void wake(const std::shared_ptr<Consumer>& consumer, milliseconds within);
  void wake(const std::shared_ptr<Tail>& tail, const std::string& topic);
  void rebalance(const std::string& group, const std::string& topic);
  void read_on(const std::shared_ptr<Tail>& tail, const std::string& topic);

  static constexpr milliseconds session_timeout{10'000};
  Timeline& timeline_;
  Random& random_;
  std::map<std::string, int> partitions_;
  std::map<kafka::TopicPartition, Log> logs_;
  std::map<std::string, Group> groups_;
  std::map<std::string, std::vector<std::shared_ptr<Tail>>> tails_;
  std::map<std::pair<std::string, std::string>, SteadyTime> last_append_;  // by host and topic
};

}  // namespace rollcall::simulation
