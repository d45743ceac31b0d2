#include "common/kafka/dead_letter.h"
#include "common/runs/runs.h"
#include "tests/integration/advisor_scan/world.h"
#include "workers/advisor_scan/run_events.h"

#include <thread>

using namespace rollcall;
using namespace rollcall::advisor_test;

TEST_CASE("Failed runs ask for one scan of their organization") {
  World world;
  const Uuid other = world.add_organization("Elsewhere", "another");
  const std::string prefix = test::unique("rc");
  test::create_topics({prefix + ".runs"});
  kafka::Producer producer(test::kafka_options());
  const auto tell = [&](const Uuid& organization, const std::string& worker, const std::string& state) {
    auto news = runs::run_news(crypto::new_uuid(), organization, worker, "x", state, 1, world.clock.wall(),
                               nullptr, state == "failed" ? "internal" : "", "x");
    news.topic = prefix + ".runs";
    producer.publish(news, [](const std::string&) {});
  };
  tell(world.organization, "member-sync", "failed");
  tell(world.organization, "member-sync", "failed");
  tell(world.organization, "member-sync", "succeeded");
  tell(other, "member-sync", "failed");
  tell(world.organization, "advisor-scan", "failed");
  REQUIRE(producer.flush(std::chrono::seconds{20}));
  advisor_scan::RunEventsOptions options;
  options.kafka = test::kafka_options();
  options.tenant_id = "tenant";
  options.debounce = 1h;
  options.topic_prefix = prefix;
  std::jthread reader([&](const std::stop_token& stop) {
    advisor_scan::run_events(options, world.database, world.clock, world.metrics, stop);
  });
  const auto scans = [&] {
    return world.database.query(
        "SELECT organization_id, state, error_code, operation FROM ops.runs WHERE "
        "worker = 'advisor-scan'");
  };
  REQUIRE(test::eventually([&] { return !scans().empty(); }));
  // All that came before this one was served: it is last on its partition.
  const Uuid last = world.add_organization("Last");
  tell(last, "member-sync", "failed");
  tell(world.organization, "member-sync", "failed");
  REQUIRE(test::eventually([&] { return scans().size() >= 2; }));
  const auto rows = scans();
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    CHECK((row.uuid(0) == world.organization || row.uuid(0) == last));
    CHECK(row.text(1) == "waiting");
    CHECK(row.text(2) == "debounced");
    CHECK(row.text(3) == "scan");
  }
}

TEST_CASE("Dead letters are counted by topic, those that were sent back are not") {
  World world;
  const std::string prefix = test::unique("rc");
  test::create_topics({prefix + ".audit.dead", prefix + ".empty.dead", prefix + ".audit"});
  kafka::Producer producer(test::kafka_options());
  for (const char* code : {"schema_violation", "schema_violation", "json_malformed"}) {
    kafka::Message message;
    message.topic = prefix + ".audit";
    message.value = "v";
    message.partition = 0;
    message.offset = 7;
    message.timestamp_ms = 1'000;
    producer.publish(kafka::dead_letter(message, {code, "x"}, "group", world.clock.wall()),
                     [](const std::string&) {});
  }
  REQUIRE(producer.flush(std::chrono::seconds{20}));
  advisor_scan::Snapshot snapshot;
  advisor_scan::read_dead_letters(world.database, test::kafka_options(), prefix, snapshot);
  REQUIRE(snapshot.dead_letters.size() == 2);
  const auto& dead = snapshot.dead_letters[snapshot.dead_letters[0].topic == prefix + ".audit.dead" ? 0 : 1];
  CHECK(dead.letters == 3);
  CHECK(dead.codes == std::map<std::string, long>{{"json_malformed", 1}, {"schema_violation", 2}});
  CHECK(dead.oldest);
  world.database.execute(
      "INSERT INTO ops.replays (topic, partition, \"offset\", timestamp_ms, replayed_by) VALUES ($1, 0, 7, "
      "1000, "
      "'test')",
      {postgres::value(prefix + ".audit")});
  advisor_scan::Snapshot after;
  advisor_scan::read_dead_letters(world.database, test::kafka_options(), prefix, after);
  for (const auto& topic : after.dead_letters)
    CHECK(topic.letters == 0);
}
