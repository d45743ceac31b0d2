#include "common/kafka/dead_letter.h"
#include "tests/integration/front/areas.h"

/// Dead letters and the quota's topic, on a live Kafka.
using namespace rollcall;
using namespace rollcall::front_test;
using namespace std::chrono_literals;

namespace {

const kafka::Options& live() {
  static const kafka::Options options{test::kafka_brokers(), "front-test", {}};
  return options;
}

void publish(kafka::Message message) {
  kafka::Producer producer(live());
  producer.publish(std::move(message), {});
  REQUIRE(producer.flush(30s));
}

struct Topic {
  std::string name = test::unique("front-dead");
  Topic() { kafka::create_topics(live(), {{name, 1, 1, {}}, {name + ".dead", 1, 1, {}}}, 30s); }
  void bury(std::int64_t offset, const std::string& value) const {
    kafka::Message message;
    message.topic = name;
    message.key = "k";
    message.value = value;
    message.partition = 0;
    message.offset = offset;
    message.timestamp_ms = 1'700'000'000'000;
    publish(
        kafka::dead_letter(message, {"schema_violation", "field 'x' is wrong"}, "g", SystemClock{}.wall()));
  }
  [[nodiscard]] std::string path() const { return "/api/v1/dead/" + name; }
  [[nodiscard]] std::string id(int offset) const { return name + ".dead:0:" + std::to_string(offset); }
};

}  // namespace

TEST_CASE("Dead letters are counted, listed newest first, shown and sent back once") {
  Areas areas;
  const Topic topic;
  CHECK(World::json(areas.get(topic.path(), operator_token())) ==
        Json({{"value", Json::array()}, {"total", 0}}));
  for (int i = 0; i < 3; ++i)
    topic.bury(40 + i, R"({"n":)" + std::to_string(i) + "}");
  bool counted = false;
  for (const auto& one : areas.walk("/api/v1/dead", operator_token()))
    counted = counted || one == Json({{"topic", topic.name + ".dead"}, {"letters", 3}});
  CHECK(counted);
  const Json list = World::json(areas.get(topic.path() + "?limit=2", operator_token()));
  CHECK(list["total"] == 3);
  REQUIRE(list["value"].size() == 2);
  CHECK(list["value"][0]["id"] == topic.id(2));
  CHECK(list["value"][0]["code"] == "schema_violation");
  const auto shown = areas.get(topic.path() + ".dead/0:1", operator_token());
  REQUIRE(shown.status == 200);
  CHECK(World::json(shown)["value"] == Json({{"n", 1}}));

  const auto send = [&](const Json& body) {
    return areas.ask("POST", topic.path() + "/replay", operator_token(), body);
  };
  CHECK(World::json(send({{"letters", {topic.id(0)}}, {"dry_run", true}}))["replayed"] ==
        Json({topic.id(0)}));
  CHECK(areas.audited().empty());
  CHECK(World::json(send({{"letters", {topic.id(0), topic.id(1)}}}))["replayed"] ==
        Json({topic.id(0), topic.id(1)}));
  const Json again = World::json(send({{"letters", {topic.id(0)}}}));
  CHECK(again["replayed"].empty());
  CHECK(again["refused"][0]["code"] == "already_replayed");
  CHECK(World::json(send({{"letters", {topic.id(0)}}, {"force", true}}))["replayed"].size() == 1);
  CHECK(areas.audited() == std::vector<std::string>(2, "dead_letters_replayed"));
  CHECK(areas.world.database
            .query("SELECT FROM ops.replays WHERE replayed_by = $1",
                   {postgres::value(entra::tenant + "/" + stranger)})
            .size() == 2);
}

TEST_CASE("What is no dead letter is refused by name") {
  Areas areas;
  const Topic topic;
  CHECK(code_of(areas.get("/api/v1/dead/" + test::unique("none"), operator_token())) == "topic_not_found");
  CHECK(pointer_of(areas.get("/api/v1/dead/a%20b", operator_token())) == "topic");
  CHECK(pointer_of(areas.get(topic.path() + "/x", operator_token())) == "letter");
  CHECK(code_of(areas.get(topic.path() + "/0:7", operator_token())) == "dead_letter_not_found");
  const auto send = [&](const Json& body) {
    return areas.ask("POST", topic.path() + "/replay", operator_token(), body);
  };
  CHECK(code_of(send(nullptr)) == "body_missing");
  CHECK(pointer_of(send({{"letters", Json::array()}})) == "/letters");
  CHECK(pointer_of(send({{"letters", {"x"}}})) == "/letters/0");
  CHECK(pointer_of(send({{"letters", {"another.dead:0:1"}}})) == "/letters/0");
  CHECK(areas.get(topic.path(), token_of(admin)).status == 403);
  areas.parts().kafka.brokers = "127.0.0.1:1";
  const auto away = areas.get(topic.path(), operator_token());
  CHECK(away.status == 503);
  CHECK(code_of(away) == "kafka_unavailable");
}

TEST_CASE("The quota is shown as its topic tells it; nothing where nobody has said anything") {
  Areas areas;
  const auto answer = areas.get("/api/v1/throttle", operator_token());
  REQUIRE(answer.status == 200);
  CHECK(World::json(answer)["quotas"].is_array());
  CHECK(areas.get("/api/v1/throttle", token_of(admin)).status == 403);
}
