#include "workers/audit_writer/audit_writer.h"

#include "common/crypto/crypto.h"
#include "common/runs/runs.h"
#include "tests/integration/scheduler/support.h"
#include "tests/support/catch.h"

#include <thread>

using namespace rollcall;
using namespace std::chrono_literals;
using test::Collector;
using test::eventually;

namespace {

struct World {
  World() {
    options.kafka = test::kafka_options();
    options.topic_prefix = prefix;
    test::create_topics({prefix + ".audit", prefix + ".audit.dead"});
  }

  std::jthread writer() {
    return std::jthread([this](std::stop_token stop) {
      kafka::Producer own(test::kafka_options());
      audit_writer::run_audit_writer(options, database, own, schemas, clock, metrics, std::move(stop));
    });
  }

  kafka::Message event(int number, const std::string& occurred_at = "2026-11-21T09:30:00.000Z") {
    const std::string id = crypto::derived_uuid({prefix, std::to_string(number)}).to_string();
    return runs::make_message(prefix + ".audit", id, "rollcall.audit-event.v1", id,
                              {{"event_id", id},
                               {"occurred_at", occurred_at},
                               {"tenant_id", "contoso"},
                               {"actor", "cli, \"quoted\" {and} \\ braced"},
                               {"action", "member_added"},
                               {"member_object_id", id},
                               {"detail", {{"n", number}, {"text", "a\"b\\c{d},NULL"}}}},
                              clock.wall());
  }

  void send(const kafka::Message& message) {
    producer.publish(message, [](const std::string&) {});
  }

  long events() { return database.query("SELECT count(*) FROM audit.events").at(0).number(0); }

  test::MigratedDatabase migrated;
  postgres::Database& database = migrated.database;
  std::string prefix = test::unique("rc");
  SystemClock clock;
  schema::Validator schemas;
  metrics::Registry metrics{"audit-writer"};
  kafka::Producer producer{test::kafka_options()};
  audit_writer::AuditWriterOptions options;
};

}  // namespace

TEST_CASE("audit events sent twice stand once, and bad ones are parked") {
  World world;
  for (int i = 0; i < 3'000; ++i)
    world.send(world.event(i, i % 2 ? "2026-10-31T23:59:59.999Z" : "2026-11-01T00:00:00Z"));
  // Told again, some at another time, which may be in another month: still the same events.
  for (int i = 0; i < 3'000; ++i)
    world.send(world.event(i, i % 3 ? "2026-10-31T23:59:59.999Z" : "2026-11-01T00:00:00Z"));
  kafka::Message bad = world.event(9'000);
  bad.value = R"({"event_id": "nonsense"})";
  world.send(bad);
  bad.value = "no json";
  world.send(bad);
  world.send(world.event(9'001, "0001-01-01T00:00:00Z"));
  REQUIRE(world.producer.flush(20s));

  const Collector dead(world.prefix + ".audit.dead");
  {
    const auto running = world.writer();
    REQUIRE(eventually([&] { return world.events() == 3'000 && dead.count() == 3; }));
    world.send(world.event(
        3'000));  // still in hand when the stop comes, or written: either way it must stand after a restart
    REQUIRE(world.producer.flush(20s));
  }
  {
    const auto again = world.writer();
    REQUIRE(eventually([&] { return world.events() == 3'001; }));
    world.send(world.event(3'001));
    REQUIRE(eventually([&] { return world.events() == 3'002; }));
  }
  CHECK(dead.count() == 3);  // committed: not read again
  for (const auto& message : dead.messages()) {
    CHECK(message.header("rollcall-dead-topic") == world.prefix + ".audit");
    CHECK(message.header("rollcall-dead-partition"));
    CHECK(message.header("rollcall-dead-offset"));
    CHECK(message.header("rollcall-dead-timestamp").value_or("0").size() == 13);
    CHECK(message.header("rollcall-dead-group") == world.prefix + "-audit-writer");
    CHECK(message.header("rollcall-dead-attempts") == "1");
    CHECK(message.header("rollcall-dead-at"));
    CHECK_FALSE(message.header("rollcall-dead-message").value_or("").empty());
    const auto reason = message.header("rollcall-dead-reason").value_or("");
    CHECK((reason == "schema_violation" || reason == "json_malformed"));
  }
  const auto row =
      world.database
          .query("SELECT actor, detail, organization_id FROM audit.events WHERE event_id = $1::uuid",
                 {postgres::value(world.event(7).key)})
          .at(0);
  CHECK(row.text(0) == "cli, \"quoted\" {and} \\ braced");
  CHECK(row.json(1) == Json{{"n", 7}, {"text", "a\"b\\c{d},NULL"}});
  CHECK(row.is_null(2));
  CHECK(world.metrics.render().find("rollcall_audit_events_total") != std::string::npos);
}

TEST_CASE("a batch the database refuses is kept until it is accepted") {
  World world;
  world.options.backoff = {50ms, 200ms};
  world.database.execute("ALTER TABLE audit.events RENAME TO elsewhere");
  for (int i = 0; i < 10; ++i)
    world.send(world.event(i));
  REQUIRE(world.producer.flush(20s));
  const Collector dead(world.prefix + ".audit.dead");
  const auto running = world.writer();
  std::this_thread::sleep_for(2s);
  world.database.execute("ALTER TABLE audit.elsewhere RENAME TO events");
  CHECK(eventually([&] { return world.events() == 10; }));
  for (int i = 10; i < 20; ++i)
    world.send(world.event(i));
  CHECK(eventually([&] { return world.events() == 20; }));  // and reading goes on
  CHECK(dead.count() == 0);
}
