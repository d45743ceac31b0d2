#include "tests/integration/scheduler/world.h"

using namespace rollcall;
using namespace std::chrono_literals;
using test::Collector;
using test::eventually;

using World = test::SchedulerWorld;

namespace {

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
    world.add_schedule("every-second-" + std::to_string(i), "overlap, interval_seconds, next_due_at",
                       "'allow_all', 1, now() + " + std::to_string(i * 37) + " * interval '1 millisecond'");
  }
  const Collector ticks(world.prefix + ".demo.ticks");
  {
    const auto one = world.scheduler("one");
    const auto two = world.scheduler("two");
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

TEST_CASE("a schedule that cannot be read is paused and stops no other") {
  World world;
  world.add_schedule("bad-cron", "cron, next_due_at", "'61 * * * *', now() - interval '1 minute'");
  world.add_schedule("good", "cron, next_due_at", "'* * * * *', now()");
  world.add_schedule("bad-zone", "cron, time_zone, next_due_at",
                     "'* * * * *', 'Mars/Olympus', now() - interval '2 minutes'");
  world.add_schedule("minus-infinity", "cron, next_due_at", "'0 0 1 1 *', '-infinity'");
  const Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return ticks.count() >= 1; }));
  const auto rows = world.database.query(
      "SELECT name, pause_note, paused_by FROM ops.schedules WHERE paused ORDER BY name");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].text(0) == "bad-cron");
  CHECK(rows[1].text(0) == "bad-zone");
  CHECK(rows[0].text(1).starts_with("setting_invalid: "));
  CHECK(rows[0].text(2) == "scheduler");
  CHECK(world.count("ops.schedules WHERE name = 'minus-infinity' AND next_due_at > now()") == 1);
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
  const Uuid bulk = world.add_run("queued", "queued_at, bulk", "now() - interval '1 minute', true");
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

TEST_CASE("runs of a worker that died before their first heartbeat are set going again") {
  World world;
  world.options.rescue_after = 1s;
  const Uuid dead =
      world.add_run("running", "started_at, claim", "now() - interval '1 minute', gen_random_uuid()");
  const Uuid begun = world.add_run("running", "started_at", "now() + interval '1 minute'");
  const Uuid ended = world.add_run("succeeded", "started_at", "now() - interval '1 minute'");
  const auto add_block = [&](const char* claimed_by, const Uuid& one, const Uuid& two) {
    world.database.execute(
        "INSERT INTO ops.claim_blocks (claimed_by, claimed_at, run_ids) VALUES ($1, now() - interval '1 "
        "minute', "
        "ARRAY[$2::uuid, $3::uuid])",
        {postgres::value(claimed_by), postgres::value(one), postgres::value(two)});
  };
  add_block("dead", dead, ended);
  add_block("living", begun, ended);
  const Collector commands(world.prefix + ".demo.commands");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return of_run(commands.messages(), dead) > 0; }));
  CHECK(world.state_of(dead) == "queued");
  CHECK(world.state_of(begun) == "running");
  CHECK(world.state_of(ended) == "succeeded");
  // Nothing of it runs any more; of the other one something does.
  CHECK(eventually([&] { return world.count("ops.claim_blocks") == 1; }));
  CHECK(world.count("ops.claim_blocks WHERE claimed_by = 'living'") == 1);
}

TEST_CASE("a queued run that nobody takes is sent again ever less often") {
  World world;
  world.options.resend_after = 1s;
  const Uuid fresh = world.add_run("queued", "queued_at", "now() - interval '1 minute'");
  const Uuid often = world.add_run("queued", "queued_at, resends", "now() - interval '1 minute', 6");
  const Uuid overdue = world.add_run("queued", "queued_at, resends", "now() - interval '65 seconds', 60");
  const Collector commands(world.prefix + ".demo.commands");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] {
    const auto sent = commands.messages();
    return of_run(sent, fresh) > 1 && of_run(sent, overdue) > 0;
  }));
  CHECK(world.count("ops.runs WHERE id = '" + often.to_string() + "' AND resends = 6") == 1);
  CHECK(world.count("ops.runs WHERE id = '" + fresh.to_string() + "' AND resends >= 2") == 1);
}

TEST_CASE("ticks that no worker served are sent again, until they expire") {
  World world;
  world.options.resend_after = 300ms;
  const Uuid wanted = world.add_schedule("wanted", "interval_seconds, next_due_at", "3600, now() + '1 hour'");
  const Uuid other = world.add_schedule("other", "interval_seconds, next_due_at", "3600, now() + '1 hour'");
  const auto add = [&](const Uuid& schedule, const std::string& served, const std::string& expires) {
    world.database.execute(
        "INSERT INTO ops.ticks (schedule_id, due_at, id, cause, served_at, resend_at, expires_at) "
        "VALUES ($1, date_trunc('second', now()) + floor(random() * 1000) * interval '1 second', "
        "gen_random_uuid(), 'clock', " +
            served + ", CASE WHEN " + served + " IS NULL THEN now() END, now() + " + expires + ")",
        {postgres::value(schedule)});
  };
  add(wanted, "NULL::timestamptz", "interval '1 hour'");
  add(other, "now()", "interval '1 hour'");
  add(other, "NULL::timestamptz", "interval '-1 second'");
  add(crypto::new_uuid(), "NULL::timestamptz", "interval '1 hour'");
  const Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler();
  REQUIRE(eventually([&] { return ticks.count() >= 2; }));  // again and again
  for (const auto& message : ticks.messages())
    CHECK(message.key == wanted.to_string());
  const auto message = ticks.messages()[0];
  CHECK(message.header("ce_id") == Json::parse(message.value).at("tick_id"));
  CHECK(world.count("ops.ticks WHERE served_at IS NULL AND resend_at IS NULL") == 2);
  runs::tick_served(world.database, wanted.to_string(), Json::parse(message.value).at("due_at"));
  CHECK(eventually([&] { return world.count("ops.ticks WHERE resend_at IS NOT NULL") == 0; }));
}

TEST_CASE("ticks that were committed but never published are published by the next leader") {
  World world;
  for (int i = 0; i < 50; ++i)
    world.add_schedule("once-" + std::to_string(i), "interval_seconds, next_due_at", "86400, now()");
  world.options.sweep_after = 200ms;
  {
    kafka::Options nowhere = test::kafka_options();
    nowhere.brokers = "127.0.0.1:1";
    const auto cut_off = world.scheduler("cut off", nowhere);
    REQUIRE(eventually([&] { return world.count("ops.ticks") == 50; }));
  }
  CHECK(world.outbox() > 0);
  const Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler("next");
  REQUIRE(eventually([&] { return world.outbox() == 0; }));
  REQUIRE(eventually([&] { return ticks.count() >= 50; }));
  std::set<std::string> keys;
  for (const auto& message : ticks.messages())
    keys.insert(message.key);
  CHECK(keys.size() == 50);
  CHECK(ticks.count() == 50);
}
