#include "common/runs/blocks.h"
#include "common/runs/by_hand.h"
#include "common/worker/in_flight.h"
#include "tests/fakes/manual_clock.h"
#include "tests/integration/runs/fixture.h"

#include <atomic>

using namespace rollcall;
using namespace rollcall::test;

namespace {

// So stands a run after a commit whose answer got lost.
void settle_unanswered(Bench& bench, const Uuid& run) {
  bench.database.execute(
      "UPDATE ops.runs SET state = 'succeeded', outcome = 'ok', finished_at = now() WHERE id = $1::uuid",
      {postgres::value(run)});
}

std::size_t told(Bench& bench, const Uuid& run, const std::string& state) {
  return bench
      .read(
          runs::runs_topic,
          [&](const kafka::Message& message) {
            const auto value = Json::parse(message.value);
            return value.at("run_id") == run.to_string() && value.at("state") == state;
          },
          1)
      .size();
}

}  // namespace

TEST_CASE("a run whose settlement was committed unanswered is told of all the same") {
  Bench bench;
  TestHandler handler([&](const worker::Run& run, worker::RunContext&) {
    settle_unanswered(bench, run.id);
    return worker::Done{};
  });
  bench.start(handler);
  const auto run = bench.send_command();
  CHECK(told(bench, run, "succeeded") == 1);
  bench.stop();
  CHECK(handler.handled == 1);
}

TEST_CASE("a run that another worker took over is told of when that one has settled it") {
  Bench bench;
  TestHandler handler([&](const worker::Run& run, worker::RunContext& context) -> worker::Outcome {
    bench.database.execute(
        "UPDATE ops.runs SET claim = gen_random_uuid(), claimed_by = 'another' WHERE id = $1::uuid",
        {postgres::value(run.id)});
    context.checkpoint({});
    return worker::Done{};
  });
  bench.start(handler);
  const auto run = bench.send_command();
  CHECK(eventually([&] { return bench.count("ops.runs WHERE claimed_by = 'another'") == 1; }));
  settle_unanswered(bench, run);
  CHECK(told(bench, run, "succeeded") == 1);
  bench.stop();
}

TEST_CASE("a checkpoint is a sign of life") {
  Bench bench;
  std::atomic<long> fresh = -1;
  TestHandler handler([&](const worker::Run& run, worker::RunContext& context) {
    bench.database.execute(
        "UPDATE ops.runs SET heartbeat_at = now() - interval '5 seconds' WHERE id = $1::uuid",
        {postgres::value(run.id)});
    context.checkpoint({});
    fresh = bench.count("ops.runs WHERE heartbeat_at > now() - interval '4 seconds'");
    return worker::Done{};
  });
  bench.start(handler);
  const auto run = bench.send_command();
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  CHECK(fresh == 1);
  bench.stop();
}

TEST_CASE("a heartbeat that finds the run's row locked confirms nothing") {
  Bench bench;
  fakes::ManualClock clock;
  worker::InFlight in_flight(clock);
  const auto claimed = std::make_shared<worker::Claimed>();
  claimed->run.id = crypto::new_uuid();
  claimed->claim = crypto::new_uuid();
  bench.database.execute(
      "INSERT INTO ops.runs (id, worker, operation, state, claim) "
      "VALUES ($1::uuid, 'member-sync', 'sync-members', 'running', $2::uuid)",
      {postgres::value(claimed->run.id), postgres::value(claimed->claim)});
  in_flight.add(claimed->run.id);
  in_flight.claimed(claimed);
  bench.database.transact([&](postgres::Transaction& other) {
    other.query("SELECT FROM ops.runs WHERE id = $1::uuid FOR UPDATE", {postgres::value(claimed->run.id)});
    clock.advance(runs::heartbeat_every);
    in_flight.heartbeat(bench.database);
  });
  CHECK_FALSE(in_flight.confirmed(claimed->run.id));
  clock.advance(runs::heartbeat_every);
  in_flight.heartbeat(bench.database);
  CHECK(in_flight.confirmed(claimed->run.id));
}

TEST_CASE("nothing joins a run that another worker has taken over") {
  Bench bench;
  std::atomic<bool> go_on = false;
  TestHandler handler([&](const worker::Run& run, worker::RunContext&) {
    if (run.parameters.contains("dry_run")) eventually([&] { return go_on.load(); });
    return worker::Done{};
  });
  const auto organization = crypto::new_uuid();
  auto first = Bench::command(crypto::new_uuid(), organization);
  first["dry_run"] = true;
  bench.send(".commands", organization.to_string(), dump(first));
  bench.start(handler);
  const auto leader = bench.send_command(organization);  // behind the first, hence claimed and not begun
  CHECK(eventually([&] { return bench.is(leader, "running"); }));
  bench.database.execute(
      "UPDATE ops.runs SET claim = gen_random_uuid(), claimed_by = 'another' WHERE id = $1::uuid",
      {postgres::value(leader)});
  const auto second = bench.send_command(organization);
  CHECK(eventually([&] { return bench.count("ops.runs") == 3; }));
  CHECK(bench.count("ops.runs WHERE joined_to IS NOT NULL") == 0);
  go_on = true;
  CHECK(eventually([&] { return bench.is(second, "succeeded"); }));
  bench.stop();
}

TEST_CASE("what joined a run is queued again when that one is cancelled while the worker stops") {
  Bench bench;
  std::atomic<bool> go_on = false;
  TestHandler handler([&](const worker::Run&, worker::RunContext&) {
    eventually([&] { return go_on.load(); });
    return worker::Done{};
  });
  const auto organization = crypto::new_uuid();
  auto first = Bench::command(crypto::new_uuid(), organization);
  first["dry_run"] = true;
  bench.send(".commands", organization.to_string(), dump(first));
  bench.start(handler);
  const auto leader = bench.send_command(organization);  // behind the first, hence claimed and not begun
  CHECK(eventually([&] { return bench.is(leader, "running"); }));
  const auto follower = bench.send_command(organization);
  CHECK(eventually([&] { return bench.is(follower, "waiting"); }));
  bench.database.execute("UPDATE ops.runs SET cancel_requested = true WHERE id = $1::uuid",
                         {postgres::value(leader)});
  bench.thread.request_stop();
  CHECK(eventually([&] { return bench.is(leader, "cancelled"); }));
  go_on = true;
  bench.stop();
  CHECK(bench.is(follower, "queued"));
}

TEST_CASE("what joined a run is queued again when that one's plan is rejected") {
  Bench bench;
  const auto leader = crypto::new_uuid(), follower = crypto::new_uuid();
  bench.database.execute(
      "INSERT INTO ops.runs (id, worker, operation, state, joined_to) VALUES "
      "($1::uuid, 'member-sync', 'sync-members', 'needs_approval', NULL), "
      "($2::uuid, 'member-sync', 'sync-members', 'waiting', $1::uuid)",
      {postgres::value(leader), postgres::value(follower)});
  bench.database.transact([&](postgres::Transaction& t) { runs::reject(t, leader, "cli", wall_now()); });
  CHECK(bench.is(follower, "queued"));
}

TEST_CASE(
    "the end of a run has one event id, however often it is told and whether or not it was ever claimed") {
  runs::News news;
  news.run = crypto::new_uuid();
  news.worker = "member-sync";
  news.operation = "sync-members";
  const auto id = [&] { return runs::news_message(news, wall_now()).header("ce_id"); };
  for (const char* state : {"succeeded", "failed", "cancelled"}) {
    news.state = state;
    CHECK(id() == id());
  }
  news.state = "queued";
  CHECK(id() != id());
}

TEST_CASE("what joined a run that joined another ends with that other") {
  Bench bench;
  const auto leader = crypto::new_uuid(), follower = crypto::new_uuid(), behind = crypto::new_uuid();
  bench.database.execute(
      "INSERT INTO ops.runs (id, worker, operation, state, joined_to) VALUES "
      "($1::uuid, 'member-sync', 'sync-members', 'succeeded', NULL), "
      "($2::uuid, 'member-sync', 'sync-members', 'waiting', $1::uuid), "
      "($3::uuid, 'member-sync', 'sync-members', 'waiting', $2::uuid)",
      {postgres::value(leader), postgres::value(follower), postgres::value(behind)});
  const auto messages = bench.database.transact(
      [&](postgres::Transaction& t) { return runs::conclude_followers(t, {leader}, wall_now()); });
  CHECK(bench.is(follower, "succeeded"));
  CHECK(bench.is(behind, "succeeded"));
  CHECK(messages.size() == 2);
}
