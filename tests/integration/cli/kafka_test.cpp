#include "common/kafka/kafka.h"

#include "tests/integration/cli/shell.h"

#include <atomic>
#include <future>
#include <sstream>
#include <thread>

/// The commands that speak to Kafka, on a live one.
using namespace rollcall;
using namespace rollcall::test;
using namespace std::chrono_literals;

namespace {

constexpr auto group = "1b2d4c1e-0000-4000-8000-00000000000a";

void publish(const std::string& topic, const std::string& key, const std::string& value) {
  kafka::Producer producer({kafka_brokers(), "cli-test", {}});
  kafka::Message message;
  message.topic = topic;
  message.key = key;
  message.value = value;
  message.headers = {{"ce_type", "rollcall.test.v1"}};
  producer.publish(std::move(message), {});
  REQUIRE(producer.flush(30s));
}

std::string fresh_topic() {
  const std::string topic = unique("cli-tail");
  kafka::create_topics({kafka_brokers(), "cli-test", {}}, {{topic, 1, 1, {}}}, 30s);
  return topic;
}

std::vector<Json> lines(const std::string& text) {
  std::vector<Json> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    all.push_back(Json::parse(line));
  return all;
}

Shell on_kafka() {
  return Shell(Variables{{"KAFKA_BROKERS", kafka_brokers()}});
}

/// What a worker does with a command, without the work: waits for the run's command on the topic.
kafka::Message command_of(const std::string& organization) {
  kafka::Message found;
  bool there = false;
  kafka::tail(
      {kafka_brokers(), "cli-test", {}}, "rollcall.member-sync.commands", true, [&] { return !there; },
      [&](const kafka::Message& message) {
        if (there || message.key != organization) return;
        found = message;
        there = true;
      });
  return found;
}

}  // namespace

TEST_CASE("Topics are created once, and listed") {
  const Shell rollcall = on_kafka();
  CHECK(rollcall({"topics", "create"}).exit == 0);
  CHECK(rollcall.json({"topics", "create"})["created"].empty());
  CHECK(rollcall({"topics", "create"}).out.find("nothing changed") != std::string::npos);
  bool runs = false;
  for (const auto& topic : rollcall.json({"topics", "list"}))
    runs = runs || (topic["name"] == "rollcall.runs" && topic["partitions"] >= 1);
  CHECK(runs);
}

TEST_CASE("tail shows a topic from its start, in order, and ends after --max") {
  const Shell rollcall = on_kafka();
  const std::string topic = fresh_topic();
  publish(topic, "a", R"({"n":1})");
  publish(topic, "a", "no JSON \x1b[31m");
  publish(topic, "a", R"({"n":3})");
  const auto shown = lines(rollcall({"topics", "tail", topic, "--from-start", "--max", "2", "--json"}).out);
  REQUIRE(shown.size() == 2);
  CHECK(shown[0]["value"]["n"] == 1);
  CHECK(shown[0]["key"] == "a");
  CHECK(shown[0]["offset"] == 0);
  CHECK(shown[0]["headers"]["ce_type"] == "rollcall.test.v1");
  CHECK(shown[1]["value"] == "no JSON \x1b[31m");
  const auto text = rollcall({"topics", "tail", topic, "--from-start", "--max", "3"});
  CHECK(text.exit == 0);
  CHECK(text.out.find('\x1b') == std::string::npos);
  CHECK(text.out.find("rollcall.test.v1  {\"n\":3}") != std::string::npos);
}

TEST_CASE("tail shows what comes from now on") {
  const Shell rollcall = on_kafka();
  const std::string topic = fresh_topic();
  publish(topic, "old", "{}");
  auto tail = std::async(std::launch::async, [&] {
    return rollcall({"topics", "tail", topic, "--max", "1", "--timeout", "120", "--json"});
  });
  while (tail.wait_for(50ms) == std::future_status::timeout)
    publish(topic, "new", "{}");
  const auto answer = tail.get();
  CHECK(answer.exit == 0);
  const auto shown = lines(answer.out);
  REQUIRE(shown.size() == 1);
  CHECK(shown[0]["key"] == "new");
}

TEST_CASE("tail ends with its --timeout, and refuses a topic that is not there") {
  const Shell rollcall = on_kafka();
  const auto quiet = rollcall({"topics", "tail", fresh_topic(), "--timeout", "1", "--json"});
  CHECK(quiet.exit == 0);
  CHECK(quiet.out.empty());
  const auto unknown = rollcall({"topics", "tail", unique("no-such-topic"), "--json"});
  CHECK(unknown.exit == 3);
  CHECK(unknown.json()["error"]["code"] == "topic_not_found");
}

TEST_CASE("sync --wait publishes its command at once and prints what the run came to, and nothing else") {
  const Shell rollcall = on_kafka();
  REQUIRE(rollcall({"topics", "create"}).exit == 0);
  const std::string org = rollcall.json({"org", "add", "--name", "Contoso", "--group", group})["id"];
  auto sync = std::async(std::launch::async, [&] { return rollcall({"sync", org, "--wait", "--json"}); });
  const Json command = Json::parse(command_of(org).value);
  const std::string run = command["run_id"];
  rollcall.query("UPDATE ops.runs SET state = 'succeeded', result = '{\"added\": 1}' WHERE id = '" + run +
                 "'");
  const auto answer = sync.get();
  CHECK(answer.exit == 0);
  CHECK(answer.err.empty());
  CHECK(answer.json() == Json({{"job_id", run}, {"state", "succeeded"}, {"result", {{"added", 1}}}}));
  CHECK(rollcall.query("SELECT FROM ops.outbox").empty());
}

TEST_CASE("watch follows a run with a bar on a terminal, and none elsewhere") {
  const Shell rollcall = on_kafka();
  REQUIRE(rollcall({"topics", "create"}).exit == 0);
  const std::string org = rollcall.json({"org", "add", "--name", "Contoso", "--group", group})["id"];
  const std::string run = rollcall.json({"sync", org})["job_id"];
  CHECK(Json::parse(command_of(org).value)["run_id"] == run);
  rollcall.query(
      "UPDATE ops.runs SET state = 'running', progress = '{\"done\": 1, \"total\": 4}' WHERE id = '" + run +
      "'");
  const auto late = [&](cli::Terminal terminal) {
    return rollcall({"runs", "watch", run, "--timeout", "1"}, {}, terminal).err;
  };
  CHECK(late({true, true, false}).find("running   25 %  [") != std::string::npos);
  CHECK(late({}).find('%') == std::string::npos);

  auto watch = std::async(std::launch::async, [&] { return rollcall({"runs", "watch", run}); });
  rollcall.query(
      "UPDATE ops.runs SET state = 'failed', error_code = 'group_dynamic', error_message = 'no',"
      " result = '{\"added\": 2, \"unresolved\": 1, \"unresolved_addresses\":"
      " {\"first\": [{\"address\": \"a@b.c\", \"code\": \"address_not_found\"}]}}' WHERE id = '" +
      run + "'");
  const auto answer = watch.get();
  CHECK(answer.exit == 1);
  CHECK(answer.out.find("added 2, unresolved 1") != std::string::npos);
  CHECK(answer.out.find("unresolved  a@b.c: address_not_found") != std::string::npos);
  CHECK(answer.out.find("No account carries this address") != std::string::npos);
  CHECK(answer.out.find("why: no (group_dynamic)") != std::string::npos);
}

TEST_CASE("What Kafka is away for is kept, and the note says so; what needs Kafka is not reachable") {
  const Shell rollcall(Variables{{"KAFKA_BROKERS", "127.0.0.1:1"}});
  const auto added = rollcall({"org", "add", "--name", "Contoso", "--group", group, "--json"});
  CHECK(added.exit == 0);
  CHECK(added.json()["group"] == group);
  CHECK(added.err.find("no Kafka broker answers at 127.0.0.1:1") != std::string::npos);
  CHECK(added.err.find("stored") != std::string::npos);
  CHECK(rollcall.query("SELECT FROM ops.outbox").size() == 2);  // that it was added, that it was linked
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"topics", "list"}, {"topics", "create"}, {"topics", "tail", "rollcall.runs"}}) {
    auto asked = words;
    asked.push_back("--json");
    const auto answer = rollcall(asked);
    CHECK(answer.exit == 5);
    CHECK(answer.json()["error"]["code"] == "kafka_unavailable");
    CHECK(answer.json()["error"]["message"] == "no Kafka broker answers at 127.0.0.1:1");
  }
  const auto doctor = rollcall({"doctor", "--json"});
  CHECK(doctor.exit == 5);
  CHECK(doctor.json()["ok"] == false);
}
