#include "common/kafka/kafka.h"

#include "common/core/error.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

using namespace rollcall;
using namespace std::chrono_literals;

namespace {

kafka::Options client() {
  kafka::Options options;
  options.brokers = test::kafka_brokers();
  options.client_id = test::unique("test");
  return options;
}

kafka::ConsumerOptions member(const std::string& group, const std::string& topic) {
  kafka::ConsumerOptions options;
  options.client = client();
  options.group = group;
  options.topics = {topic};
  options.session_timeout = 6s;
  return options;
}

std::string topic_with(int partitions) {
  const auto name = test::unique("topic");
  kafka::TopicSpec spec;
  spec.name = name;
  spec.partitions = partitions;
  REQUIRE(kafka::create_topics(client(), {spec}, 20s) == std::vector<std::string>{name});
  return name;
}

void produce(const std::string& topic, int from, int to) {
  kafka::Producer producer(client());
  std::atomic<int> delivered = 0;
  for (int i = from; i < to; ++i) {
    kafka::Message message;
    message.topic = topic;
    message.key = "key-" + std::to_string(i % 5);
    message.value = std::to_string(i);
    message.headers = {{"n", std::to_string(i)}, {"twice", "1"}, {"twice", "2"}};
    producer.publish(message, [&](const std::string& error) { delivered += error.empty() ? 1 : 0; });
  }
  REQUIRE(producer.flush(30s));
  REQUIRE(delivered == to - from);
}

std::vector<kafka::Message> take(kafka::Consumer& consumer, std::size_t count) {
  std::vector<kafka::Message> all;
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (all.size() < count && std::chrono::steady_clock::now() < until) {
    for (auto& message : consumer.poll(count - all.size(), 500ms))
      all.push_back(std::move(message));
  }
  return all;
}

std::map<kafka::TopicPartition, std::int64_t> after(const std::vector<kafka::Message>& messages) {
  std::map<kafka::TopicPartition, std::int64_t> next;
  for (const auto& message : messages) {
    auto& offset = next[{message.topic, message.partition}];
    offset = std::max(offset, message.offset + 1);
  }
  return next;
}

}  // namespace

TEST_CASE("messages arrive with key, value and headers, in order per key") {
  const auto topic = topic_with(4);
  produce(topic, 0, 200);
  kafka::Consumer consumer(member(test::unique("group"), topic));
  const auto messages = take(consumer, 200);
  REQUIRE(messages.size() == 200);
  std::map<std::string, std::pair<int, std::set<int>>> seen;
  for (const auto& message : messages) {
    CHECK(message.topic == topic);
    CHECK(message.header("n") == message.value);
    CHECK(message.header("twice") == "1");
    CHECK_FALSE(message.header("none"));
    CHECK(message.headers.size() == 3);
    auto [found, fresh] = seen.try_emplace(message.key, -1, std::set<int>{});
    CHECK(found->second.first < std::stoi(message.value));
    found->second.first = std::stoi(message.value);
    found->second.second.insert(message.partition);
  }
  CHECK(seen.size() == 5);
  for (const auto& [key, item] : seen)
    CHECK(item.second.size() == 1);
  CHECK(consumer.reachable());
}

TEST_CASE("a group goes on from its commit; what was not committed comes again") {
  const auto topic = topic_with(4);
  const auto group = test::unique("group");
  produce(topic, 0, 20);
  {
    kafka::Consumer consumer(member(group, topic));
    const auto first = take(consumer, 20);
    REQUIRE(first.size() == 20);
    consumer.commit(after(first), true);
    consumer.close();
  }
  produce(topic, 20, 30);
  {
    kafka::Consumer consumer(member(group, topic));
    REQUIRE(take(consumer, 10).size() == 10);  // read and not committed
  }
  kafka::Consumer consumer(member(group, topic));
  const auto again = take(consumer, 10);
  REQUIRE(again.size() == 10);
  for (const auto& message : again)
    CHECK(std::stoi(message.value) >= 20);
  CHECK(consumer.poll(10, 300ms).empty());
}

TEST_CASE("pause stops messages and not the membership; resume goes on where it stopped") {
  const auto topic = topic_with(1);
  kafka::Consumer consumer(member(test::unique("group"), topic));
  produce(topic, 0, 5);
  REQUIRE(take(consumer, 5).size() == 5);
  consumer.pause();
  produce(topic, 5, 10);
  CHECK(consumer.poll(10, 1s).empty());
  consumer.resume();
  const auto rest = take(consumer, 5);
  REQUIRE(rest.size() == 5);
  // Compared as a set: the sandbox broker makes 4 partitions whatever it is asked for.
  std::set<std::string> values;
  for (const auto& message : rest)
    values.insert(message.value);
  CHECK(values == std::set<std::string>{"5", "6", "7", "8", "9"});
}

TEST_CASE("partitions that were paused when they were taken away are read when they come back") {
  const auto topic = topic_with(4);
  const auto group = test::unique("group");
  kafka::Consumer first(member(group, topic));
  produce(topic, 0, 20);
  const auto read = take(first, 20);
  REQUIRE(read.size() == 20);
  first.commit(after(read), true);
  bool revoked = false;
  first.on_revoked([&](const auto&) { revoked = true; });
  first.pause();
  {
    kafka::Consumer second(member(group, topic));
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!revoked && std::chrono::steady_clock::now() < until) {
      first.poll(1, 1ms);
      second.poll(1, 1ms);
    }
    REQUIRE(revoked);
    first.resume();  // while it has none
  }
  produce(topic, 20, 40);
  CHECK(take(first, 20).size() == 20);
}

TEST_CASE("partitions taken away are told before they are given up, so that a commit still counts") {
  const auto topic = topic_with(4);
  const auto group = test::unique("group");
  produce(topic, 0, 40);
  kafka::Consumer first(member(group, topic));
  const auto read = take(first, 40);
  REQUIRE(read.size() == 40);
  std::size_t revoked = 0;
  first.on_revoked([&](const std::vector<kafka::TopicPartition>& partitions) {
    revoked += partitions.size();
    first.commit(after(read), true);
  });
  first.close();
  CHECK(revoked == 4);
  produce(topic, 40, 41);
  kafka::Consumer second(member(group, topic));
  const auto rest = take(second, 1);
  REQUIRE(rest.size() == 1);
  CHECK(rest.front().value == "40");
}

TEST_CASE("a message that the client refuses is reported through done(), once, on another thread") {
  kafka::Producer producer(client());
  std::mutex mutex;
  std::vector<std::string> errors;
  bool elsewhere = false;
  const auto caller = std::this_thread::get_id();
  kafka::Message message;
  message.topic = test::unique("topic");
  message.value = std::string(2'000'000, 'x');  // message.max.bytes is 1 MB
  producer.publish(message, [&](const std::string& error) {
    const std::lock_guard lock(mutex);
    errors.push_back(error);
    elsewhere = std::this_thread::get_id() != caller;
  });
  REQUIRE(producer.flush(10s));
  const std::lock_guard lock(mutex);
  REQUIRE(errors.size() == 1);
  CHECK_FALSE(errors[0].empty());
  CHECK(elsewhere);
}

TEST_CASE("a producer without a broker: not reachable, its messages are answered when it closes") {
  auto options = client();
  options.brokers = "127.0.0.1:1";
  std::atomic<int> answered = 0;
  {
    kafka::Producer producer(options);
    CHECK_FALSE(producer.reachable());
    kafka::Message message;
    message.topic = "any";
    producer.publish(message, [&](const std::string& error) { answered += error.empty() ? 0 : 1; });
    CHECK_FALSE(producer.flush(200ms));
  }
  CHECK(answered == 1);
  try {
    kafka::list_topics(options, 500ms);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::transient);
    CHECK(error.code() == "kafka_unavailable");
  }
}

TEST_CASE("topics are created once and listed; tail reads one without a group") {
  const auto topic = topic_with(4);
  kafka::TopicSpec spec;
  spec.name = topic;
  CHECK(kafka::create_topics(client(), {spec}, 10s).empty());
  const auto all = kafka::list_topics(client(), 10s);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& item) { return item.name == topic; });
  REQUIRE(found != all.end());
  CHECK(found->partitions == 4);
  produce(topic, 0, 3);
  std::size_t count = 0;
  const auto until = std::chrono::steady_clock::now() + 20s;
  kafka::tail(
      client(), topic, true, [&] { return count < 3 && std::chrono::steady_clock::now() < until; },
      [&](const kafka::Message&) { ++count; });
  CHECK(count == 3);
}

TEST_CASE("a wrong setting is named") {
  auto options = client();
  options.extra["no.such.setting"] = "1";
  CHECK_THROWS_WITH(kafka::Producer(options), Catch::Contains("no.such.setting"));
}
