#include "common/graph/throttle_channel.h"

#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <future>
#include <memory>
#include <stop_token>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;

namespace {

/// One process's parts, on the test's Kafka and a topic of the test's own.
struct Process {
  Process(const std::string& topic, const std::string& instance) {
    ThrottleChannelOptions options;
    options.kafka = kafka_options;
    options.key = {"tenant", "app"};
    options.instance = instance;
    options.limits = limits;
    options.living = [] { return std::map<std::string, std::chrono::milliseconds>{}; };
    options.topic = topic;
    channel = std::make_unique<ThrottleChannel>(options, producer, schemas, governor, clock, registry);
  }

  /// Waits for quota; what is granted is not given back.
  bool spend(double units) {
    std::chrono::milliseconds wait{0};
    return governor.acquire({units, 0}, Priority::interactive, 30s, {}, wait).has_value();
  }
  bool spend_now(double units) {
    std::chrono::milliseconds wait{0};
    return governor.acquire({units, 0}, Priority::interactive, 0ms, {}, wait).has_value();
  }

  SystemClock clock;
  kafka::Options kafka_options{test::kafka_brokers(), "test", {}};
  kafka::Producer producer{kafka_options};
  schema::Validator schemas;
  metrics::Registry registry{"test"};
  GovernorLimits limits{1000, 1000, 1h, 1000, 1h};  // nothing comes back while the test runs
  Governor governor{limits, clock};
  std::unique_ptr<ThrottleChannel> channel;
};

template <class Ready>
bool soon(Ready ready) {
  for (const auto until = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < until;)
    if (ready()) return true;
  return false;
}

}  // namespace

TEST_CASE("one process is granted all of the quota, call by call") {
  const std::string topic = test::unique("throttle");
  Process one{topic, "one"};
  for (int i = 0; i < 10; ++i)
    CHECK(one.spend(100));
  CHECK_FALSE(one.spend_now(1));
}

TEST_CASE("two processes are granted the quota together, and not more") {
  const std::string topic = test::unique("throttle");
  Process one{topic, "one"}, two{topic, "two"};
  CHECK(one.spend(100));
  // In parallel: each must give up for the other what it has in hand.
  auto others = std::async(std::launch::async, [&] { return two.spend(400) && two.spend(50); });
  CHECK(one.spend(400));
  CHECK(others.get());
  double more = 0;
  while (one.spend_now(1) || two.spend_now(1))
    ++more;
  CHECK(more <= 50);
}

TEST_CASE("what a process that ended had in hand, another has") {
  const std::string topic = test::unique("throttle");
  Process one{topic, "one"};
  auto two = std::make_unique<Process>(topic, "two");
  CHECK(two->spend(100));
  two->channel.reset();
  for (int i = 0; i < 9; ++i)
    CHECK(one.spend(100));
  CHECK_FALSE(one.spend_now(1));  // the window is an hour: what two used still counts
}

TEST_CASE("a pause given to one is obeyed by all, also by who starts later") {
  const std::string topic = test::unique("throttle");
  Process one{topic, "one"}, two{topic, "two"};
  CHECK(one.spend(1));
  CHECK(two.spend(1));
  one.governor.apply_pause(10min);
  CHECK(soon([&] { return two.governor.status().paused_for > 9min; }));
  Process three{topic, "three"};
  CHECK(soon([&] { return three.governor.status().paused_for > 9min; }));
}

TEST_CASE("what is not a message of ours changes nothing") {
  const std::string topic = test::unique("throttle");
  Process one{topic, "one"};
  const char* const hostile[] = {
      "",
      "{",
      "[]",
      R"({"kind":"pause"})",
      R"({"kind":"pause","tenant_id":"tenant","app_id":"app","member":"x","pause_ms":600000})",
      R"({"kind":"pause","tenant_id":"another","app_id":"app","member":"0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11","pause_ms":600000})"};
  for (const char* text : hostile) {
    kafka::Message message;
    message.topic = topic;
    message.value = text;
    message.to_partition = 0;
    one.producer.publish(message, [](const std::string&) {});
  }
  CHECK(one.producer.flush(30s));
  CHECK(one.spend(900));  // asked for after those, so they have been read
  CHECK(one.governor.status().paused_for == 0ms);
}
