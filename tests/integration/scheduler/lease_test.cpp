#include "workers/scheduler/adapters/lease.h"

#include "common/core/error.h"
#include "common/postgres/listener.h"
#include "common/schedules/schedules.h"
#include "tests/fakes/manual_clock.h"
#include "tests/integration/scheduler/world.h"
#include "workers/scheduler/adapters/outbox_sweep.h"

#include <future>

using namespace rollcall;
using namespace rollcall::scheduler;
using namespace std::chrono_literals;
using test::eventually;

namespace {

std::string code_of(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const Error& error) {
    return error.code();
  }
}

void write(Term& term) {
  term.transact([](postgres::Transaction& transaction) { return transaction.execute("SELECT 1"); });
}

/// As if the time had passed.
void expire(postgres::Database& database) {
  database.execute("UPDATE ops.leases SET expires_at = clock_timestamp()");
}

}  // namespace

TEST_CASE("one holds the lease at a time, and the number grows with each change of hands") {
  test::MigratedDatabase migrated;
  auto& database = migrated.database;
  Lease one(database, "scheduler", "one", 1h), two(database, "scheduler", "two", 1h);
  auto first = one.acquire();
  REQUIRE(first);
  CHECK_FALSE(two.acquire());
  CHECK_FALSE(one.acquire());  // not even by who holds it: it may have been replaced and not know
  CHECK(two.until_free() > 0ms);
  CHECK(one.renew(*first));
  write(*first);

  SECTION("expired") {
    expire(database);
    auto second = two.acquire();
    REQUIRE(second);
    CHECK(second->fencing() > first->fencing());
    CHECK_FALSE(one.renew(*first));
    CHECK(code_of([&] { write(*first); }) == "leadership_lost");
    write(*second);
    one.release(*first);  // too late: it changes nothing
    CHECK(two.renew(*second));
    CHECK_FALSE(one.acquire());
  }
  SECTION("expired, but nobody wanted it") {
    expire(database);
    CHECK(one.renew(*first));
    write(*first);
    CHECK_FALSE(two.acquire());
  }
  SECTION("released, and the others are told") {
    postgres::Listener listener(database.options(), schedules::channel);
    one.release(*first);
    CHECK(listener.wait(60s, {}));
    CHECK(two.until_free() == 0ms);
    CHECK(two.acquire());
  }
}

TEST_CASE("a lease changes hands only between a leader's transactions") {
  test::MigratedDatabase migrated;
  auto& database = migrated.database;
  Lease one(database, "scheduler", "one", 1h), two(database, "scheduler", "two", 1h);
  auto term = one.acquire();
  std::future<std::optional<Term>> taken;
  term->transact([&](postgres::Transaction& transaction) {
    CHECK(one.renew(*term));  // its own renewals do not wait
    expire(database);
    taken = std::async(std::launch::async, [&] { return two.acquire(); });
    REQUIRE(eventually([&] {
      return !database.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").empty();
    }));
    return transaction.execute("INSERT INTO ops.outbox (messages) VALUES ('[]')");
  });
  CHECK(taken.get());
  CHECK(database.query("SELECT 1 FROM ops.outbox").size() == 1);
  CHECK(code_of([&] { write(*term); }) == "leadership_lost");
}

TEST_CASE("a leader stopped in the middle of a transaction does not hold up the next") {
  test::MigratedDatabase migrated;
  auto& database = migrated.database;
  Lease one(database, "scheduler", "one", 200ms), two(database, "scheduler", "two", 1h);
  auto term = one.acquire();
  const auto code = code_of([&] {
    term->transact([&](postgres::Transaction& transaction) {
      transaction.execute("INSERT INTO ops.outbox (messages) VALUES ('[]')");
      CHECK(eventually([&] { return two.acquire().has_value(); }));  // while this one stands still
      return transaction.execute("SELECT 1");
    });
  });
  CHECK(code == "database_unavailable");
  CHECK(database.query("SELECT 1 FROM ops.outbox").empty());
}

TEST_CASE("a sweep counts a row's age from when it became visible") {
  test::MigratedDatabase migrated;
  auto& database = migrated.database;
  const std::string topic = test::unique("rc") + ".runs";
  test::create_topics({topic});
  kafka::Producer producer(test::kafka_options());
  runs::OutboxPublisher publisher(database, producer);
  metrics::Registry metrics("scheduler");
  fakes::ManualClock clock;
  SchedulerOptions options;
  options.sweep_after = 20ms;
  Term term = *Lease(database, "scheduler", "one", 1h).acquire();
  const Tools tools{options, term, producer, publisher, clock, metrics};
  OutboxSweep sweep(tools);
  const auto later = [&] {
    clock.advance(30ms);
    return sweep({});
  };
  std::vector<kafka::Message> messages;
  for (int i = 0; i < 50; ++i)
    messages.push_back(runs::make_message(topic, "k", "rollcall.run.v1", "id", {{"n", i}}, clock.wall()));
  database.transact([&](postgres::Transaction& transaction) {
    runs::store_in_outbox(transaction, messages);
    transaction.query("SELECT pg_sleep(0.1)");  // a slow transaction: created_at is long ago by its commit
    for (int i = 0; i < 3; ++i)
      CHECK(later() == 0);
  });
  CHECK(sweep({}) == 0);  // visible, but only just: its writer is about to publish it
  CHECK(later() == 0);    // from here on a snapshot sees it
  CHECK(later() == 1);    // the one row of that transaction, with all its messages
  CHECK(database.query("SELECT 1 FROM ops.outbox").empty());
  const test::Collector collector(topic);
  REQUIRE(eventually([&] { return collector.count() >= 50; }));
  const auto read = collector.messages();
  REQUIRE(read.size() == 50);
  for (std::size_t i = 0; i < 50; ++i)
    CHECK(Json::parse(read[i].value)["n"] == i);  // in their order
  CHECK(read[0].header("ce_type") == "rollcall.run.v1");
}

TEST_CASE("a scheduler that ends hands over at once, one that vanishes within its lease") {
  test::SchedulerWorld world;
  world.options.lease = 60s;  // nobody waits for that to run out
  auto one = std::optional{world.scheduler("one")};
  REQUIRE(eventually([&] { return world.holder() == "one"; }));
  const auto two = world.scheduler("two");
  REQUIRE(eventually([&] {
    return world.count("pg_stat_activity WHERE query LIKE '%LISTEN%' AND datname = current_database()") >= 2;
  }));
  SECTION("ends") {
    one.reset();
    CHECK(eventually([&] { return world.holder() == "two"; }));
  }
  SECTION("replaced while it was stopped") {
    world.database.execute("UPDATE ops.leases SET holder = 'three', fencing = fencing + 1");
    world.add_schedule("due", "interval_seconds, next_due_at", "60, now() - interval '1 second'");
    world.notify();
    // Neither of the two leads: no tick, whatever they try.
    CHECK_FALSE(eventually([&] { return world.count("ops.ticks") > 0; }, 2s));
  }
}
