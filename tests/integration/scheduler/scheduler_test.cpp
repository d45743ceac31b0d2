#include "workers/scheduler/scheduler.h"

#include "common/crypto/crypto.h"
#include "common/runs/runs.h"
#include "tests/integration/scheduler/support.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <map>
#include <thread>

using namespace rollcall;
using namespace std::chrono_literals;
using test::Collector;
using test::eventually;

namespace {

struct World {
  World() {
    options.topic_prefix = prefix;
    test::create_topics({prefix + ".demo.ticks", prefix + ".demo.commands", prefix + ".runs"});
  }

  std::jthread scheduler() {
    return std::jthread([this](std::stop_token stop) {
      kafka::Producer own(test::kafka_options());
      metrics::Registry metrics("scheduler");
      scheduler::run_scheduler(options, database, own, clock, metrics, std::move(stop));
    });
  }

  void add_schedule(const std::string& name, const std::string& timing, const std::string& due) {
    database.execute("INSERT INTO ops.schedules (name, worker, operation, " +
                     timing.substr(0, timing.find('=')) + ", next_due_at) VALUES ('" + name +
                     "', 'demo', 'sweep', " + timing.substr(timing.find('=') + 1) + ", " + due + ")");
  }

  Uuid add_run(const std::string& state, const std::string& columns, const std::string& values) {
    const Uuid id = crypto::new_uuid();
    database.execute("INSERT INTO ops.runs (id, worker, operation, state, " + columns + ") VALUES ('" +
                     id.to_string() + "', 'demo', 'sweep', '" + state + "', " + values + ")");
    return id;
  }

  std::string state_of(const Uuid& run) {
    return database.query("SELECT state FROM ops.runs WHERE id = $1", {postgres::value(run)}).at(0).text(0);
  }
  long outbox() { return database.query("SELECT count(*) FROM ops.outbox").at(0).number(0); }

  test::MigratedDatabase migrated;
  postgres::Database& database = migrated.database;
  std::string prefix = test::unique("rc");
  SystemClock clock;
  scheduler::SchedulerOptions options;
};

std::size_t of_run(const std::vector<kafka::Message>& messages, const Uuid& run) {
  return static_cast<std::size_t>(std::ranges::count_if(messages, [&](const auto& message) {
    return Json::parse(message.value).at("run_id") == run.to_string();
  }));
}

}  // namespace

TEST_CASE("two schedulers on one database fire each due time once") {
  // A sweep this eager overtakes the publishing under way, as a slow broker makes it do: then a tick may
  // arrive twice, but it is the same message. Each firing begins a trace of its own, so a second firing would
  // show.
  const bool eager_sweep = GENERATE(false, true);
  World world;
  if (eager_sweep) world.options.sweep_after = 100ms;
  for (int i = 0; i < 20; ++i) {
    world.add_schedule("every-second-" + std::to_string(i), "interval_seconds=1",
                       "now() + " + std::to_string(i * 37) + " * interval '1 millisecond'");
  }
  const Collector ticks(world.prefix + ".demo.ticks");
  {
    const auto one = world.scheduler();
    const auto two = world.scheduler();
    REQUIRE(eventually([&] { return ticks.count() >= 80; }));
  }
  if (!eager_sweep) REQUIRE(eventually([&] { return world.outbox() == 0; }, 5s));
  std::map<std::string, std::string> trace_of_due, trace_of_tick;
  for (const auto& message : ticks.messages()) {
    const Json value = Json::parse(message.value);
    CHECK(message.header("ce_type") == "rollcall.tick.v1");
    CHECK(message.key == value.at("schedule_id"));
    const std::string trace = message.header("traceparent").value_or("");
    const std::string due =
        value.at("schedule_id").get<std::string>() + " " + value.at("due_at").get<std::string>();
    const auto [by_due, new_due] = trace_of_due.emplace(due, trace);
    const auto [by_tick, new_tick] = trace_of_tick.emplace(value.at("tick_id").get<std::string>(), trace);
    CHECK(by_due->second == trace);
    CHECK(by_tick->second == trace);
    if (!eager_sweep) CHECK((new_due && new_tick));
  }
  CHECK(trace_of_due.size() == trace_of_tick.size());
}

TEST_CASE("after downtime only the latest missed time fires, and the phase is kept") {
  World world;
  world.add_schedule("late", "interval_seconds=3600", "now() - interval '5 hours 10 minutes'");
  const Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return ticks.count() >= 1; }));
  std::this_thread::sleep_for(500ms);
  CHECK(ticks.count() == 1);
  const auto row =
      world.database
          .query(
              "SELECT next_due_at > now(), extract(epoch FROM next_due_at - last_due_at)::bigint, "
              "last_due_at > now() - interval '11 minutes' FROM ops.schedules")
          .at(0);
  CHECK(row.flag(0));
  CHECK(row.number(1) == 3600);
  CHECK(row.flag(2));
}

TEST_CASE("a schedule that cannot be read is paused and stops no other") {
  World world;
  world.add_schedule("bad-cron", "cron='61 * * * *'", "now() - interval '1 minute'");
  world.add_schedule("good", "cron='* * * * *'", "now()");
  world.add_schedule("bad-zone", "cron='* * * * *'", "now() - interval '2 minutes'");
  world.database.execute("UPDATE ops.schedules SET time_zone = 'Mars/Olympus' WHERE name = 'bad-zone'");
  world.add_schedule("minus-infinity", "cron='0 0 1 1 *'", "'-infinity'");
  const Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return ticks.count() >= 2; }));
  const auto rows =
      world.database.query("SELECT name, pause_note FROM ops.schedules WHERE paused ORDER BY name");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].text(0) == "bad-cron");
  CHECK(rows[1].text(0) == "bad-zone");
  CHECK(rows[0].text(1).starts_with("setting_invalid: "));
}

TEST_CASE("runs that stand still are set going again") {
  World world;
  world.options.resend_after = 1s;
  world.options.rescue_after = 1s;
  const Uuid due =
      world.add_run("waiting", "resume_at, error_code", "now() + interval '300 milliseconds', 'throttled'");
  const Uuid later = world.add_run("waiting", "resume_at", "now() + interval '1 hour'");
  const Uuid dead =
      world.add_run("running", "heartbeat_at, claim", "now() - interval '1 minute', gen_random_uuid()");
  const Uuid alive = world.add_run("running", "heartbeat_at", "now() + interval '1 minute'");
  const Uuid lost = world.add_run("queued", "queued_at", "now() - interval '1 minute'");
  const Uuid bulk =
      world.add_run("queued", "queued_at, caller_identity", "now() - interval '1 minute', 'schedule:x'");
  const Collector commands(world.prefix + ".demo.commands");
  const Collector swept(world.prefix + ".demo.ticks");
  const Collector news(world.prefix + ".runs");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] {
    const auto sent = commands.messages();
    return of_run(sent, due) > 0 && of_run(sent, dead) > 0 && of_run(sent, lost) > 0 &&
           of_run(swept.messages(), bulk) > 0 && of_run(news.messages(), due) > 0 &&
           of_run(news.messages(), dead) > 0;
  }));
  for (const auto& run : {due, dead, lost, bulk})
    CHECK(world.state_of(run) == "queued");
  CHECK(world.state_of(later) == "waiting");
  CHECK(world.state_of(alive) == "running");
  CHECK(of_run(commands.messages(), later) + of_run(commands.messages(), alive) == 0);
  CHECK(of_run(news.messages(), due) == 1);
  CHECK(of_run(news.messages(), lost) == 0);
  CHECK(
      world.database.query("SELECT 1 FROM ops.runs WHERE id = $1 AND claim IS NULL", {postgres::value(dead)})
          .size() == 1);
  CHECK(world.database
            .query("SELECT 1 FROM ops.run_events WHERE run_id = $1 AND event = 'queued'",
                   {postgres::value(due)})
            .size() == 1);
}

TEST_CASE("an outbox row its writer never published is swept") {
  World world;
  world.options.sweep_after = 500ms;
  const auto message = runs::make_message(world.prefix + ".runs", "key", "rollcall.run.v1", "id-1",
                                          {{"run_id", "lost"}}, world.clock.wall());
  world.database.transact(
      [&](postgres::Transaction& transaction) { runs::store_in_outbox(transaction, {message}); });
  const Collector news(world.prefix + ".runs");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return news.count() == 1; }));
  CHECK(news.messages()[0].key == "key");
  CHECK(news.messages()[0].header("ce_id") == "id-1");
  CHECK(eventually([&] { return world.outbox() == 0; }, 5s));
}
