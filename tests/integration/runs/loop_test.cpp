#include "tests/integration/runs/fixture.h"

#include <atomic>
#include <set>
#include <thread>

using namespace rollcall;
using namespace rollcall::test;

TEST_CASE("a thousand commands settle once each, with their news") {
  Bench bench;
  TestHandler handler;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i)
    ids.insert(bench.send_command().to_string());
  bench.start(handler);
  CHECK(eventually([&] { return bench.count("ops.runs WHERE state = 'succeeded'") == 1000; }));
  CHECK(eventually([&] { return bench.count("ops.outbox") == 0; }));
  bench.stop();
  CHECK(handler.handled == 1000);
  CHECK(bench.count("ops.runs WHERE outcome = 'ok' AND attempt = 1 AND finished_at IS NOT NULL") == 1000);
  CHECK(bench.count("ops.run_events WHERE event = 'succeeded'") == 1000);
  std::multiset<std::string> told;
  bench.read(
      runs::runs_topic,
      [&](const kafka::Message& message) {
        const auto value = Json::parse(message.value);
        const auto id = value.at("run_id").get<std::string>();
        if (!ids.contains(id)) return false;
        CHECK_FALSE(bench.schemas.check("rollcall.run.v1", value));
        told.insert(id);
        return true;
      },
      1000);
  CHECK(told.size() == 1000);
  CHECK(std::set<std::string>(told.begin(), told.end()) == ids);

  // Everything was committed: a second worker has nothing to do.
  TestHandler second;
  bench.start(second);
  const auto last = bench.send_command();
  CHECK(eventually([&] { return bench.is(last, "succeeded"); }));
  bench.stop();
  CHECK(second.handled == 1);
}

TEST_CASE("poison goes to its dead-letter topic, and the next message is served") {
  Bench bench;
  TestHandler handler;
  const auto organization = crypto::new_uuid();
  bench.send(".commands", organization.to_string(), "{not json");
  bench.send(".commands", organization.to_string(), R"({"run_id":"x"})");
  const auto run = bench.send_command(organization);
  bench.start(handler);
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  const auto dead = bench.read(
      bench.topic(".commands.dead"), [](const auto&) { return true; }, 2);
  bench.stop();
  REQUIRE(dead.size() == 2);
  CHECK(dead[0].value == "{not json");
  CHECK(dead[0].header("rollcall-dead-reason") == "json_malformed");
  CHECK(dead[0].header("rollcall-dead-topic") == bench.topic(".commands"));
  CHECK(dead[0].header("rollcall-dead-group") == bench.prefix + "-member-sync");
  CHECK(dead[0].header("rollcall-dead-attempts") == "1");
  CHECK(parse_rfc3339(dead[0].header("rollcall-dead-at").value_or("")));
  CHECK(dead[1].header("rollcall-dead-reason") == "schema_violation");
}

TEST_CASE("a command that comes twice has one effect") {
  Bench bench;
  TestHandler handler([](const auto&, auto&) {
    std::this_thread::sleep_for(50ms);
    return worker::Done{};
  });
  const auto organization = crypto::new_uuid();
  const auto run = crypto::new_uuid();
  const auto text = dump(Bench::command(run, organization));
  for (int i = 0; i < 3; ++i)
    bench.send(".commands", organization.to_string(), text);
  bench.start(handler);
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  bench.send(".commands", organization.to_string(), text);
  const auto next = bench.send_command(organization);
  CHECK(eventually([&] { return bench.is(next, "succeeded"); }));
  bench.stop();
  CHECK(handler.handled == 2);
}

TEST_CASE("a checkpoint of a run that was taken over or cancelled writes nothing") {
  Bench bench;
  std::atomic<int> writes = 0;
  std::string sql;
  TestHandler handler([&](const worker::Run& run, worker::RunContext& context) -> worker::Outcome {
    context.checkpoint([&](postgres::Transaction&) { ++writes; });
    bench.database.execute("UPDATE ops.runs SET " + sql + " WHERE id = $1::uuid", {postgres::value(run.id)});
    context.checkpoint([&](postgres::Transaction&) { writes += 100; });
    return worker::Done{};
  });
  bench.start(handler);
  SECTION("cancelled") {
    sql = "cancel_requested = true";
    const auto run = bench.send_command();
    CHECK(eventually([&] { return bench.is(run, "cancelled"); }));
  }
  SECTION("taken over") {
    sql = "claim = gen_random_uuid()";
    const auto run = bench.send_command();
    CHECK(eventually([&] { return handler.handled == 1; }));
    std::this_thread::sleep_for(300ms);
    CHECK(bench.is(run, "running"));
  }
  bench.stop();
  CHECK(writes == 1);
}

TEST_CASE("a cancel that comes while a run settles to wait is not forgotten") {
  Bench bench;
  const auto waits = crypto::new_uuid(), asks = crypto::new_uuid(), done = crypto::new_uuid();
  TestHandler handler([&](const worker::Run& run, worker::RunContext&) -> worker::Outcome {
    bench.database.execute("UPDATE ops.runs SET cancel_requested = true WHERE id = $1::uuid",
                           {postgres::value(run.id)});
    if (run.id == asks) return worker::NeedsApproval{"guard_removals", "many", "digest", Json::object()};
    if (run.id == done) return worker::Done{{{"ok", true}}};
    return worker::WaitUntil{"throttled", "later", wall_now() + 1h};
  });
  for (const auto& run : {waits, asks, done})
    bench.send(".commands", run.to_string(), dump(Bench::command(run, crypto::new_uuid())));
  bench.start(handler);
  CHECK(eventually([&] { return bench.is(waits, "cancelled") && bench.is(asks, "cancelled"); }));
  CHECK(eventually([&] { return bench.is(done, "succeeded"); }));
  CHECK(bench.count("ops.runs WHERE id = $1::uuid AND outcome = 'cancelled' AND resume_at IS NULL AND "
                    "finished_at IS NOT NULL AND error_code = 'cancelled'",
                    {postgres::value(waits)}) == 1);
  const auto told = bench.read(
      runs::runs_topic,
      [&](const kafka::Message& message) {
        const auto value = Json::parse(message.value);
        return value.at("run_id") == waits.to_string() && value.at("state") == "cancelled";
      },
      1);
  CHECK(told.size() == 1);
  bench.stop();
}

TEST_CASE("a retry waits, attempts run out, and a stop gives back what has not begun") {
  Bench bench;
  TestHandler handler([](const worker::Run& run, worker::RunContext& context) -> worker::Outcome {
    if (run.parameters.contains("dry_run")) throw Error(Fault::transient, "graph_unavailable", "no answer");
    while (!context.stop().stop_requested())
      std::this_thread::sleep_for(5ms);
    return worker::WaitUntil{"stopping", "The worker stops.", wall_now()};
  });
  auto failing = Bench::command(crypto::new_uuid(), crypto::new_uuid());
  failing["dry_run"] = true;
  bench.send(".commands", "k", dump(failing));
  bench.start(handler);
  const auto failing_id = *Uuid::parse(failing["run_id"].get<std::string>());
  CHECK(eventually([&] { return bench.is(failing_id, "waiting"); }));
  const auto organization = crypto::new_uuid();
  const auto first = bench.send_command(organization);
  auto other = Bench::command(crypto::new_uuid(), organization);
  other["full_read"] = true;  // an equal one would join the first
  const auto behind = *Uuid::parse(other["run_id"].get<std::string>());
  bench.send(".commands", organization.to_string(), dump(other));
  CHECK(eventually([&] { return bench.is(first, "running") && bench.is(behind, "running"); }));
  std::this_thread::sleep_for(100ms);
  bench.stop();
  CHECK(bench.is(first, "waiting"));
  CHECK(bench.is(behind, "queued"));
  CHECK(bench.count(
            "ops.runs WHERE state = 'waiting' AND error_code = 'graph_unavailable' AND attempt = 1") == 1);
  CHECK(bench.count("ops.runs WHERE attempt = 0") == 2);
}

TEST_CASE("a tick becomes one bulk run per organization that has none open") {
  Bench bench;
  TestHandler handler;
  const auto busy = crypto::new_uuid();
  bench.database.execute(
      "INSERT INTO ops.runs (id, organization_id, worker, operation, state) VALUES "
      "(gen_random_uuid(), $1::uuid, 'member-sync', 'sync-members', 'needs_approval')",
      {postgres::value(busy)});
  std::vector<Json> commands{Bench::command(crypto::new_uuid(), busy)};
  for (int i = 0; i < 20; ++i)
    commands.push_back(Bench::command(crypto::new_uuid(), crypto::new_uuid()));
  handler.on_tick = [&](const Json&) { return commands; };
  const auto id = crypto::new_uuid().to_string();
  const Json tick = {
      {"tick_id", id},           {"schedule_id", id},           {"schedule_name", "s"},
      {"worker", "member-sync"}, {"operation", "sync-members"}, {"due_at", to_rfc3339(wall_now())}};
  bench.database.execute(
      "INSERT INTO ops.ticks (schedule_id, due_at, id, cause, expires_at) VALUES ($1::uuid, $2::timestamptz, "
      "$1::uuid, 'clock', now())",
      {postgres::value(id), postgres::value(tick["due_at"].get<std::string>())});
  bench.send(".ticks", id, dump(tick));
  bench.send(".ticks", id, dump(tick));  // twice is once
  bench.start(handler);
  CHECK(eventually([&] { return bench.count("ops.runs WHERE state = 'succeeded'") == 20; }));
  bench.stop();
  CHECK(handler.handled == 20);
  CHECK(bench.count("ops.runs") == 21);
  CHECK(bench.count("ops.runs WHERE tick_id = $1::uuid", {postgres::value(id)}) == 20);
  CHECK(bench.count("ops.ticks WHERE served_at IS NOT NULL") == 1);
}
