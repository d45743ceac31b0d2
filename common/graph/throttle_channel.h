#pragma once
#include "common/core/clock.h"
#include "common/graph/governor.h"
#include "common/graph/throttle_message.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/schema/validator.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace rollcall::graph {

struct ThrottleChannelOptions {
  kafka::Options kafka;
  QuotaKey key;
  std::string instance;  ///< who this process is over its restarts, as `living` names it
  GovernorLimits limits;
  /// Instances that gave a sign of life to the database lately, with its age. May block; throws where it
  /// cannot say. Asked only while somebody is not heard on the topic.
  std::function<std::map<std::string, std::chrono::milliseconds>()> living;
  std::string topic = "rollcall.throttle";
};

/// Joins the governor with those of the other processes of its app and tenant, through Kafka: shares of the
/// quota (QuotaShare) and pauses. From construction on the governor grants nothing until the topic has been
/// read. Destroy it after the last call and before the governor: what it holds then goes to the others.
class ThrottleChannel {
 public:
  ThrottleChannel(ThrottleChannelOptions options, kafka::Producer& producer, const schema::Validator& schemas,
                  Governor& governor, const Clock& clock, metrics::Registry& metrics);
  ~ThrottleChannel();
  ThrottleChannel(const ThrottleChannel&) = delete;
  ThrottleChannel& operator=(const ThrottleChannel&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::graph
