#include "tests/integration/scheduler/world.h"
#include "workers/scheduler/adapters/tick_store.h"

/// What overlap means with a real database, and what operators ask for.
using namespace rollcall;
using namespace std::chrono_literals;
using test::Collector;
using test::eventually;
using World = test::SchedulerWorld;

namespace {

/// Due every second from an hour ago on, so that no test waits for the clock.
Uuid add_overdue(World& world, const std::string& overlap, const std::string& rest = "") {
  return world.add_schedule("overdue" + rest, "overlap, interval_seconds, next_due_at",
                            "'" + overlap + "', 1, date_trunc('second', now()) - interval '1 hour'");
}

void serve(World& world) {
  world.database.execute("UPDATE ops.ticks SET served_at = now(), resend_at = NULL");
}

Uuid add_run_of_last_tick(World& world, const std::string& state) {
  return world.add_run(state, "tick_id, queued_at",
                       "(SELECT last_tick_id FROM ops.schedules), now() + interval '1 hour'");
}

/// The leader has looked at the schedule twice since: whatever it was to fire is fired.
bool looked_again(World& world) {
  const auto due = [&] {
    return world.database.query("SELECT next_due_at::text FROM ops.schedules").at(0).text(0);
  };
  for (int i = 0; i < 2; ++i) {
    const auto before = due();
    if (!eventually([&] { return due() != before; })) return false;
  }
  return true;
}

void ask(World& world, const std::string& kind, const std::string& overlap, const std::string& from,
         const std::string& to) {
  world.database.execute(
      "INSERT INTO ops.schedule_requests (schedule_id, kind, overlap, from_at, to_at, requested_by) "
      "SELECT id, '" +
      kind + "', '" + overlap + "', " + from + ", " + to + ", 'test' FROM ops.schedules");
  world.notify();
}

}  // namespace

TEST_CASE("skip fires nothing while the last tick is unserved or a run of it is open") {
  World world;
  add_overdue(world, "skip");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return world.count("ops.ticks") == 1; }));
  REQUIRE(looked_again(world));
  CHECK(world.count("ops.ticks") == 1);  // unserved

  const std::string state = GENERATE("queued", "running", "waiting");
  const Uuid run = add_run_of_last_tick(world, state);
  world.database.execute(
      "UPDATE ops.runs SET heartbeat_at = now() + interval '1 hour', resume_at = now() + "
      "interval '1 hour'");
  serve(world);
  REQUIRE(looked_again(world));
  CHECK(world.count("ops.ticks") == 1);  // its run is open

  // One that waits for a person does not hold up all others.
  world.database.execute("UPDATE ops.runs SET state = 'needs_approval' WHERE id = $1",
                         {postgres::value(run)});
  CHECK(eventually([&] { return world.count("ops.ticks") == 2; }));
}

TEST_CASE("buffer_one fires one due time once the last tick is no longer open") {
  World world;
  add_overdue(world, "buffer_one");
  const Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return world.count("ops.ticks") == 1; }));
  REQUIRE(looked_again(world));
  CHECK(world.count("ops.ticks") == 1);
  const std::string buffered =
      world.database
          .query(
              "SELECT to_char(buffered_due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') "
              "FROM ops.schedules")
          .at(0)
          .text(0);
  serve(world);
  REQUIRE(eventually([&] { return ticks.count() == 2; }));
  CHECK(test::dues(ticks)[1] == buffered);
  CHECK(world.count("ops.ticks WHERE cause = 'buffer'") == 1);
}

TEST_CASE("allow_all catches up every due time of the window, once") {
  World world;
  const Uuid id = add_overdue(world, "allow_all");
  world.database.execute("UPDATE ops.schedules SET catch_up_seconds = 60 WHERE id = $1",
                         {postgres::value(id)});
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return world.count("ops.schedules WHERE next_due_at > now()") == 1; }));
  const auto row = world.database
                       .query(
                           "SELECT count(*), extract(epoch FROM max(due_at) - min(due_at))::bigint + 1, "
                           "bool_and(fired_at - due_at < interval '90 seconds') FROM ops.ticks")
                       .at(0);
  CHECK(row.number(0) >= 59);
  CHECK(row.number(0) == row.number(1));  // without gaps
  CHECK(row.flag(2));
}

TEST_CASE("jitter delays the tick, not its due time") {
  World world;
  world.add_schedule("jittery", "overlap, interval_seconds, jitter_seconds, next_due_at",
                     "'allow_all', 2, 2, date_trunc('second', now())");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return world.count("ops.ticks") >= 4; }));
  CHECK(world.count("ops.ticks WHERE fired_at < due_at") == 0);
  CHECK(world.count("ops.ticks WHERE extract(microseconds FROM due_at)::bigint % 1000000 <> 0") == 0);
  CHECK(world.count("ops.schedules WHERE nominal_due_at IS NOT NULL AND nominal_due_at < next_due_at") == 1);
}

TEST_CASE("a schedule ends after its last tick") {
  World world;
  world.add_schedule("thrice", "overlap, interval_seconds, remaining, next_due_at",
                     "'allow_all', 1, 3, now() - interval '1 minute'");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return world.count("ops.schedules WHERE next_due_at = 'infinity'") == 1; }));
  CHECK(world.count("ops.ticks") == 3);
  CHECK(world.count("ops.schedules WHERE remaining = 0") == 1);
}

TEST_CASE("a trigger fires now, also while the schedule is paused") {
  World world;
  const auto running = world.scheduler();
  world.add_schedule("paused", "interval_seconds, paused, next_due_at",
                     "3600, true, now() + interval '1 hour'");
  const Collector ticks(world.prefix + ".demo.ticks");
  ask(world, "trigger", "allow_all", "'2026-11-21T09:00:00.123Z'", "'2026-11-21T09:00:00.123Z'");
  REQUIRE(eventually([&] { return ticks.count() == 1; }));
  CHECK(test::dues(ticks)[0] == "2026-11-21T09:00:00.123Z");
  CHECK(eventually([&] { return world.count("ops.schedule_requests") == 0; }));

  SECTION("skip drops it while the last tick is open") {
    ask(world, "trigger", "skip", "now()", "now()");
    CHECK(eventually([&] { return world.count("ops.schedule_requests") == 0; }));
    CHECK(world.count("ops.ticks") == 1);
  }
  SECTION("buffer_all lets it wait") {
    ask(world, "trigger", "buffer_all", "now()", "now()");
    REQUIRE(
        eventually([&] { return world.count("ops.schedule_requests WHERE look_at > requested_at") == 1; }));
    CHECK(world.count("ops.ticks") == 1);
    serve(world);
    CHECK(eventually([&] { return world.count("ops.ticks") == 2; }));
    CHECK(world.count("ops.schedule_requests") == 0);
  }
}

TEST_CASE("a backfill fires each due time of its range once, whatever fired before") {
  World world;
  const Uuid id = world.add_schedule("hourly", "cron, next_due_at", "'0 * * * *', '2030-01-01T00:00:00Z'");
  const auto running = world.scheduler();
  ask(world, "backfill", "allow_all", "'2026-01-01T05:00:00Z'", "'2026-01-01T09:00:00Z'");
  REQUIRE(eventually([&] { return world.count("ops.ticks") == 5; }));
  const Collector ticks(world.prefix + ".demo.ticks");
  const std::string overlap = GENERATE("allow_all", "buffer_all");
  // 1,200 due times and more: several blocks.
  const std::string to = overlap == "allow_all" ? "'2026-02-20T00:00:00Z'" : "'2026-01-01T12:00:00Z'";
  const long expected = overlap == "allow_all" ? 50 * 24 + 1 : 13;
  ask(world, "backfill", overlap, "'2026-01-01T00:00:00Z'", to);
  REQUIRE(eventually([&] {
    serve(world);
    return world.count("ops.schedule_requests") == 0;
  }));
  CHECK(world.count("ops.ticks") == expected);
  REQUIRE(eventually([&] { return ticks.count() >= static_cast<std::size_t>(expected); }));
  auto seen = test::dues(ticks);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == static_cast<std::size_t>(expected));
  CHECK(seen.size() == static_cast<std::size_t>(expected));
  CHECK(world.count("ops.schedules WHERE next_due_at = '2030-01-01T00:00:00Z'") == 1);
  CHECK_FALSE(id.is_nil());
}

TEST_CASE("a look costs the same however many ticks were served and runs have finished") {
  World world;
  for (const char* sql :
       {"INSERT INTO ops.schedules (name, worker, operation, interval_seconds, next_due_at, last_due_at, "
        "last_tick_id) SELECT 's' || g, 'demo', 'sweep', 60, now(), now(), gen_random_uuid() FROM "
        "generate_series(1, 20000) g",
        "INSERT INTO ops.ticks (schedule_id, due_at, id, cause, expires_at, served_at) SELECT "
        "gen_random_uuid(), "
        "now(), gen_random_uuid(), 'clock', now(), now() FROM generate_series(1, 20000)",
        "INSERT INTO ops.runs (id, worker, operation, state, tick_id) SELECT gen_random_uuid(), 'demo', "
        "'sweep', "
        "'succeeded', gen_random_uuid() FROM generate_series(1, 20000)",
        "ANALYZE ops.schedules, ops.ticks, ops.runs"})
    world.database.execute(sql);
  std::string plan;
  for (const auto& row :
       world.database.query(std::string("EXPLAIN SELECT s.id, ") + scheduler::previous_open +
                            " FROM ops.schedules s WHERE NOT s.paused AND s.next_due_at <= now() ORDER BY "
                            "s.next_due_at LIMIT 500"))
    plan += row.text(0) + "\n";
  CAPTURE(plan);
  CHECK(plan.find("Seq Scan") == std::string::npos);
  CHECK(plan.find("schedules_due") != std::string::npos);
}
