#include "common/kafka/follower.h"

#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <numeric>
#include <set>

using namespace rollcall;
using namespace std::chrono_literals;

namespace {

kafka::Options client() {
  kafka::Options options;
  options.brokers = test::kafka_brokers();
  options.client_id = test::unique("test");
  return options;
}

void create(const std::string& topic) {
  REQUIRE(kafka::create_topics(client(), {{topic, 3, 1, {}}}, 20s).size() == 1);
}

void produce(const std::string& topic, int from, int to) {
  kafka::Producer producer(client());
  for (int i = from; i < to; ++i) {
    kafka::Message message;
    message.topic = topic;
    message.key = "key-" + std::to_string(i);
    message.value = std::to_string(i);
    producer.publish(std::move(message), [](const std::string&) {});
  }
  REQUIRE(producer.flush(30s));
}

/// So many, as the numbers they are; then no more.
std::multiset<int> take(kafka::Follower& follower, std::size_t count,
                        std::vector<std::int64_t>* next = nullptr) {
  std::multiset<int> taken;
  while (taken.size() < count)
    for (const auto& message : follower.poll(100, 500ms)) {
      taken.insert(std::stoi(message.value));
      if (next) next->at(static_cast<std::size_t>(message.partition)) = message.offset + 1;
    }
  CHECK(follower.poll(1, 300ms).empty());
  return taken;
}

std::multiset<int> numbers(int from, int to) {
  std::multiset<int> all;
  for (int i = from; i < to; ++i)
    all.insert(i);
  return all;
}

}  // namespace

TEST_CASE("each follower reads everything from the end on, all partitions") {
  const auto topic = test::unique("topic");
  create(topic);
  produce(topic, 0, 30);
  kafka::Follower one(client(), topic), two(client(), topic);
  const auto at = one.start(10s);
  CHECK(at.size() == 3);
  CHECK(std::accumulate(at.begin(), at.end(), std::int64_t{0}) == 30);
  two.start(10s);
  produce(topic, 30, 60);
  CHECK(take(one, 30) == numbers(30, 60));
  CHECK(take(two, 30) == numbers(30, 60));
}

TEST_CASE("a follower goes on where another stood") {
  const auto topic = test::unique("topic");
  create(topic);
  std::vector<std::int64_t> next;
  {
    kafka::Follower first(client(), topic);
    next = first.start(10s);
    produce(topic, 0, 20);
    take(first, 20, &next);
  }
  produce(topic, 20, 40);
  kafka::Follower second(client(), topic);
  CHECK(second.start(10s, next) == next);
  CHECK(take(second, 20) == numbers(20, 40));
}

TEST_CASE("a topic that is made later is read from its beginning") {
  const auto topic = test::unique("topic");
  kafka::Follower follower(client(), topic);
  CHECK(follower.start(10s).empty());
  CHECK(follower.poll(1, 10ms).empty());
  create(topic);
  produce(topic, 0, 20);
  CHECK(take(follower, 20) == numbers(0, 20));
}

TEST_CASE("without a broker a follower says so") {
  kafka::Options nobody = client();
  nobody.brokers = "127.0.0.1:1";
  kafka::Follower follower(nobody, "topic");
  CHECK_THROWS_WITH(follower.start(300ms), Catch::Contains("no Kafka broker answers"));
}
