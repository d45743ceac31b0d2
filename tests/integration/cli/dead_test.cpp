#include "common/kafka/dead_letter.h"
#include "tests/integration/cli/shell.h"

/// Dead letters on a live Kafka: found, shown, sent back once.
using namespace rollcall;
using namespace rollcall::test;
using namespace std::chrono_literals;

namespace {

const kafka::Options options() {
  return {kafka_brokers(), "cli-test", {}};
}

/// A topic with its dead letters, of one partition each.
struct Topic {
  std::string name = unique("cli-dead");
  Topic() { kafka::create_topics(options(), {{name, 1, 1, {}}, {name + ".dead", 1, 1, {}}}, 30s); }

  /// A message that died at this offset of the topic.
  void bury(std::int64_t offset, const std::string& value, const std::string& code = "schema_violation",
            kafka::Headers headers = {{"ce_type", "t"}}) const {
    kafka::Message message;
    message.topic = name;
    message.key = "k";
    message.value = value;
    message.headers = std::move(headers);
    message.partition = 0;
    message.offset = offset;
    message.timestamp_ms = 1'700'000'000'000;
    publish(kafka::dead_letter(message, {code, "field 'x' is wrong"}, "the-group", SystemClock{}.wall()));
  }
  static void publish(kafka::Message message) {
    kafka::Producer producer(options());
    producer.publish(std::move(message), {});
    REQUIRE(producer.flush(30s));
  }
  [[nodiscard]] std::string id(int offset) const { return name + ".dead:0:" + std::to_string(offset); }
  /// The first `count` messages of the topic itself.
  [[nodiscard]] std::vector<kafka::Message> sent_back(std::size_t count) const {
    std::vector<kafka::Message> all;
    const auto until = std::chrono::steady_clock::now() + 20s;
    kafka::tail(
        options(), name, true, [&] { return all.size() < count && std::chrono::steady_clock::now() < until; },
        [&](const kafka::Message& message) { all.push_back(message); });
    return all;
  }
};

Shell on_kafka() {
  return Shell(Variables{{"KAFKA_BROKERS", kafka_brokers()}});
}

}  // namespace

TEST_CASE("Dead letters are listed newest first, by either topic's name, and shown whole") {
  const Shell rollcall = on_kafka();
  const Topic topic;
  const auto none = rollcall({"dead", "list", topic.name});
  CHECK(none.exit == 0);
  CHECK(none.err.find("no dead letters") != std::string::npos);
  CHECK(rollcall.json({"dead", "list", topic.name}) == Json::array());

  for (int i = 0; i < 5; ++i)
    topic.bury(40 + i, R"({"n":)" + std::to_string(i) + "}");
  const Json list = rollcall.json({"dead", "list", topic.name, "--limit", "2"});
  REQUIRE(list.size() == 2);
  CHECK(list[0]["id"] == topic.id(4));
  CHECK(list[1]["id"] == topic.id(3));
  CHECK(list[0]["code"] == "schema_violation");
  CHECK(list[0]["group"] == "the-group");
  CHECK(list[0]["attempts"] == 1);
  CHECK(list[0]["replays"] == 0);
  CHECK(list[0]["origin"] == Json({{"topic", topic.name},
                                   {"partition", 0},
                                   {"offset", 44},
                                   {"timestamp", "2023-11-14T22:13:20.000Z"}}));
  CHECK(rollcall({"dead", "list", topic.name + ".dead", "--limit", "2"}).err.find("newest 2 of 5") !=
        std::string::npos);

  const Json shown = rollcall.json({"dead", "show", topic.id(1)});
  CHECK(shown["value"] == Json({{"n", 1}}));
  CHECK(shown["headers"][0] == Json({{"name", "ce_type"}, {"value", "t"}}));
  CHECK_FALSE(shown["cure"].get<std::string>().empty());
  const auto text = rollcall({"dead", "show", topic.id(1)}).out;
  CHECK(text.find("partition 0 offset 41") != std::string::npos);
  CHECK(text.find("field 'x' is wrong (schema_violation)") != std::string::npos);
}

TEST_CASE("A dead letter goes back once, as it was; again only when forced") {
  const Shell rollcall = on_kafka();
  const Topic topic;
  const std::string bytes("\xFF\0{", 3);
  topic.bury(7, bytes);
  CHECK(rollcall.json({"dead", "replay", topic.id(0), "--dry-run"}) ==
        Json({{"replayed", {topic.id(0)}}, {"refused", Json::array()}, {"dry_run", true}}));
  CHECK(rollcall.query("SELECT FROM ops.replays").empty());
  const auto sent = rollcall({"dead", "replay", topic.id(0)});
  CHECK(sent.exit == 0);
  CHECK(sent.out == "sent back " + topic.id(0) + "\n");

  const auto again = rollcall({"dead", "replay", topic.id(0), "--json"});
  CHECK(again.exit == 4);
  CHECK(again.json()["replayed"].empty());
  CHECK(again.json()["refused"][0]["code"] == "already_replayed");
  CHECK(rollcall({"dead", "replay", topic.id(0), "--force"}).exit == 0);

  const auto messages = topic.sent_back(2);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].value == bytes);
  CHECK(messages[0].key == "k");
  CHECK(messages[0].headers.front() == std::pair<std::string, std::string>{"ce_type", "t"});
  CHECK_FALSE(messages[0].header("rollcall-dead-reason"));
  CHECK(messages[0].header("rollcall-replay-count") == "1");
  CHECK(messages[0].header("rollcall-replay-of") == topic.name + ":0:7");
  CHECK(messages[1].header("rollcall-replay-count") == "2");
  const Json list = rollcall.json({"dead", "list", topic.name});
  CHECK(list[0]["replays"] == 2);
  CHECK(list[0]["replayed_at"].is_string());
  // The same offset of a topic made anew is another message.
  rollcall.query("UPDATE ops.replays SET timestamp_ms = timestamp_ms - 1");
  CHECK(rollcall({"dead", "replay", topic.id(0)}).exit == 0);
}

TEST_CASE("All of a topic go back, by reason if asked, each message once however many letters it left") {
  const Shell rollcall = on_kafka();
  const Topic topic;
  CHECK(rollcall({"dead", "replay", "--all", topic.name}).out.find("nothing to send back") !=
        std::string::npos);
  topic.bury(1, "a");
  topic.bury(2, "b", "json_malformed");
  topic.bury(3, "c");
  topic.bury(3, "c");  // its process was killed between letter and commit
  kafka::Message stranger;
  stranger.topic = topic.name + ".dead";
  stranger.value = "no letter";
  Topic::publish(stranger);
  CHECK(rollcall.json({"dead", "replay", "--all", topic.name, "--reason", "json_malformed"})["replayed"] ==
        Json({topic.id(1)}));
  const auto rest = rollcall({"dead", "replay", "--all", topic.name, "--json"});
  CHECK(rest.exit == 0);
  CHECK(rest.json()["replayed"] == Json({topic.id(0), topic.id(2)}));
  REQUIRE(rest.json()["refused"].size() == 3);
  CHECK(rest.json()["refused"][2]["id"] == topic.id(4));
  CHECK(rest.json()["refused"][2]["code"] == "dead_letter_unreadable");
  const auto messages = topic.sent_back(3);
  REQUIRE(messages.size() == 3);
  CHECK(messages[0].value == "b");
  CHECK(messages[1].value == "a");
  CHECK(messages[2].value == "c");
  CHECK(rollcall.query("SELECT FROM ops.replays WHERE replays = 1 AND replayed_by = 'cli'").size() == 3);
}

TEST_CASE("A letter goes back to its own topic or nowhere") {
  const Shell rollcall = on_kafka();
  const Topic topic, other;
  auto letter =
      kafka::dead_letter({other.name, "k", "v", {}, 0, 1, 1}, {"x", "y"}, "g", SystemClock{}.wall());
  letter.topic = topic.name + ".dead";
  Topic::publish(letter);
  const auto answer = rollcall({"dead", "replay", topic.id(0), "--json"});
  CHECK(answer.exit == 4);
  CHECK(answer.json()["refused"][0]["code"] == "dead_letter_unreadable");
}

TEST_CASE("What is not there, or no id, is refused by name; Kafka away is said") {
  const Shell rollcall = on_kafka();
  const Topic topic;
  for (const std::string id :
       {"nonsense", "a.dead:0", "a.dead:0:", "a.dead:x:1", "a:0:1", ":0:1", "a.dead:-1:1"}) {
    INFO(id);
    CHECK(rollcall({"dead", "show", id}).exit == 2);
    CHECK(rollcall({"dead", "replay", id}).exit == 2);
  }
  CHECK(rollcall({"dead", "replay"}).exit == 2);
  CHECK(rollcall({"dead", "replay", topic.id(0), "--all", topic.name}).exit == 2);
  CHECK(rollcall({"dead", "replay", topic.id(0), "--reason", "x"}).exit == 2);
  const auto unknown = rollcall({"dead", "list", unique("no-such"), "--json"});
  CHECK(unknown.exit == 3);
  CHECK(unknown.json()["error"]["code"] == "topic_not_found");
  for (const char* verb : {"show", "replay"}) {
    const auto gone = rollcall({"dead", verb, topic.id(9), "--json"});
    CHECK(gone.exit == 3);
    CHECK(gone.json()["error"]["code"] == "dead_letter_not_found");
  }
  const Shell cut_off(Variables{{"KAFKA_BROKERS", "127.0.0.1:1"}});
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"dead", "list"}, {"dead", "show", topic.id(0)}, {"dead", "replay", "--all", topic.name}}) {
    auto asked = words;
    asked.push_back("--json");
    const auto answer = cut_off(asked);
    CHECK(answer.exit == 5);
    CHECK(answer.json()["error"]["code"] == "kafka_unavailable");
  }
}
