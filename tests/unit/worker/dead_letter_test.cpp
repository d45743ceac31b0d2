#include "common/kafka/dead_letter.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::kafka;

namespace {

const WallTime now{std::chrono::milliseconds{1'795'000'000'123}};

Message original() {
  Message message;
  message.topic = "rollcall.audit";
  message.key = "k";
  message.value = std::string("\xFF\0{", 3);
  message.headers = {{"ce_type", "t"}, {"ce_type", "again"}, {"traceparent", "00-1"}};
  message.partition = 3;
  message.offset = 42;
  message.timestamp_ms = 1'700'000'000'001;
  return message;
}

Message letter_of(const Message& message) {
  return dead_letter(message, {"json_malformed", "no JSON"}, "g", now);
}

}  // namespace

TEST_CASE(
    "a dead letter says where it stood, who could not serve it, why, when, and how often it was tried") {
  const auto letter = letter_of(original());
  CHECK(letter.topic == "rollcall.audit.dead");
  CHECK(letter.key == "k");
  CHECK(letter.value == original().value);
  CHECK(letter.header("ce_type") == "t");
  const auto death = death_of(letter);
  REQUIRE(death);
  CHECK(death->origin == Place{"rollcall.audit", 3, 42, 1'700'000'000'001});
  CHECK(death->group == "g");
  CHECK(death->code == "json_malformed");
  CHECK(death->message == "no JSON");
  CHECK(death->attempts == 1);
  CHECK(death->replays == 0);
  CHECK(death->died_at == to_rfc3339(now));
}

TEST_CASE("a replay is the original, header for header, and says that it is one") {
  const auto letter = letter_of(original());
  const auto again = replay_of(letter, *death_of(letter), 1, now);
  CHECK(again.topic == "rollcall.audit");
  CHECK(again.key == "k");
  CHECK(again.value == original().value);
  REQUIRE(again.headers.size() == 6);
  CHECK(Headers(again.headers.begin(), again.headers.begin() + 3) == original().headers);
  CHECK(again.header("rollcall-replay-count") == "1");
  CHECK(again.header("rollcall-replay-of") == "rollcall.audit:3:42");
  CHECK(again.header("rollcall-replay-at") == to_rfc3339(now));
}

TEST_CASE("what dies again counts, and names its last place, not its first") {
  auto first = letter_of(original());
  auto again = replay_of(first, *death_of(first), 1, now);
  again.partition = 0;
  again.offset = 99;
  const auto second = letter_of(again);
  const auto death = death_of(second);
  REQUIRE(death);
  CHECK(death->origin.offset == 99);
  CHECK(death->attempts == 2);
  CHECK(death->replays == 1);
  const auto third = replay_of(second, *death, 2, now);
  CHECK(third.header("rollcall-replay-count") == "2");
  CHECK(third.headers.size() == 6);

  // Put back by other means, with its old headers.
  auto copied = first;
  copied.topic = "rollcall.audit";
  copied.partition = 1;
  copied.offset = 7;
  CHECK(death_of(letter_of(copied))->origin.offset == 7);
}

TEST_CASE("what is no dead letter is not taken for one") {
  CHECK_FALSE(death_of(original()));
  for (const auto& [name, value] : Headers{{"rollcall-dead-topic", ""},
                                           {"rollcall-dead-partition", "-1"},
                                           {"rollcall-dead-partition", "99999999999"},
                                           {"rollcall-dead-offset", "4x"},
                                           {"rollcall-dead-offset", ""}}) {
    INFO(name << "=" << value);
    auto letter = letter_of(original());
    for (auto& header : letter.headers)
      if (header.first == name) header.second = value;
    CHECK_FALSE(death_of(letter));
  }
  auto absurd = letter_of(original());
  for (auto& header : absurd.headers)
    if (header.first == "rollcall-dead-attempts") header.second = "-5";
  CHECK(death_of(absurd)->attempts == 1);
  CHECK(is_dead_topic("a.dead"));
  CHECK_FALSE(is_dead_topic(".dead"));
  CHECK_FALSE(is_dead_topic("a.deadly"));
}
