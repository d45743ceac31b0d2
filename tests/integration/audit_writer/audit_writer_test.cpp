#include "tests/integration/audit_writer/world.h"
#include "workers/audit_writer/adapters/events_table.h"

#include <thread>

using namespace rollcall;
using namespace std::chrono_literals;
using test::Collector;
using test::eventually;

using test::World;

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

TEST_CASE("roots are published, and those that a crash kept back at the next start") {
  World world;
  audit_writer::Slice slice{{0, 1}, {}};
  audit_writer::Event event;
  event.event_id = world.id(1);
  event.occurred_at = world.clock.wall();
  event.tenant_id = "contoso";
  event.actor = "cli";
  event.action = "member_added";
  slice.events.push_back(event);
  audit_writer::EventsTable table(world.database);
  table.ensure_month(audit_writer::month_of(event.occurred_at));
  table.write({{{world.prefix + ".audit", 7}, slice}}, world.clock.wall());  // and then the process died
  const std::string trail = world.database.transact(
      [](postgres::Transaction& transaction) { return audit::trail_id(transaction); });
  const auto published = [&] {
    return audit::published_roots(world.options.kafka, world.prefix + ".audit-roots", trail, 5s);
  };
  CHECK(published().empty());
  const auto running = world.writer();
  for (int i = 0; i < 100; ++i)
    world.send(world.event(i));
  REQUIRE(world.producer.flush(20s));
  // Of the event by hand and the ninety-nine others: number 1 stands already, and is not written twice.
  REQUIRE(eventually([&] { return world.events() == 100; }));
  REQUIRE(eventually([&] {
    const auto roots = published();
    return world.number("SELECT count(*) FROM audit.chains WHERE number > 0") ==
           static_cast<long>(roots.size());
  }));
  std::vector<std::string> found;
  audit::verify(world.database, published(), std::nullopt,
                [&](const audit::Finding& one) { found.push_back(one.kind); });
  CHECK(found == std::vector<std::string>{});
}
