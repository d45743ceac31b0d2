#include "common/dead_letters/dead_letters.h"

#include "common/core/error.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::dead_letters;

TEST_CASE("A letter's id is read back as it is shown, whatever its topic is called") {
  Letter letter;
  letter.message.topic = "a.b-c_d.dead";
  letter.message.partition = 3;
  letter.message.offset = 12'345'678'901;
  CHECK(letter.id() == "a.b-c_d.dead:3:12345678901");
  const auto id = parse_letter_id(letter.id());
  REQUIRE(id);
  CHECK(id->topic == letter.message.topic);
  CHECK(id->partition == 3);
  CHECK(id->offset == 12'345'678'901);
}

TEST_CASE("What is no letter's id is refused") {
  for (const char* text : {"", ":", "::", ":::", "a.dead", "a.dead:1", "a.dead:1:", "a.dead::1", ":1:1",
                           "a:1:1", "a.dead:x:1", "a.dead:1:x", "a.dead:-1:1", "a.dead:1:-1",
                           "a.dead:99999999999:1", "a.dead:1:99999999999999999999", "a.dead:1:1 "}) {
    INFO(text);
    CHECK_FALSE(parse_letter_id(text));
  }
}

TEST_CASE("A letter that names another topic than its own is not believed") {
  const auto written = kafka::dead_letter({"a", "k", "v", {}, 0, 1, 1}, {"code", "words"}, "g", {});
  CHECK(letter_of(written).death);
  auto moved = written;
  moved.topic = "b.dead";
  CHECK_FALSE(letter_of(moved).death);
}

TEST_CASE("A dead-letter topic is meant by its own name or by its topic's") {
  const std::vector<kafka::TopicDescription> topics{{"a", 1}, {"a.dead", 1}, {"b", 1}};
  CHECK(require_dead_topic(topics, "a") == "a.dead");
  CHECK(require_dead_topic(topics, "a.dead") == "a.dead");
  CHECK_THROWS_AS(require_dead_topic(topics, "b"), Error);
}
