#include "common/runs/by_hand.h"

#include "common/runs/blocks.h"
#include "tests/integration/runs/fixture.h"

/// What people do to runs: cancel and retry. Approval is in life_cycle_test.
using namespace rollcall;
using namespace rollcall::test;

namespace {

/// A run as it stands in the table, in any state.
Uuid place(Bench& bench, const std::string& state, const std::string& more = "attempt = 0") {
  const auto id = crypto::new_uuid();
  bench.database.execute(
      "INSERT INTO ops.runs (id, organization_id, worker, operation, state) VALUES ($1::uuid, $2::uuid, "
      "'member-sync', 'sync-members', $3)",
      {postgres::value(id), postgres::value(crypto::new_uuid()), postgres::value(state)});
  bench.database.execute("UPDATE ops.runs SET " + more + " WHERE id = $1::uuid", {postgres::value(id)});
  return id;
}

runs::Cancelled cancel(Bench& bench, const Uuid& run) {
  return bench.database.transact(
      [&](postgres::Transaction& t) { return runs::cancel(t, run, "ada", wall_now()); });
}

runs::Stored retry(Bench& bench, const Uuid& run) {
  return bench.database.transact(
      [&](postgres::Transaction& t) { return runs::retry(t, run, "ada", wall_now()); });
}

/// The first of these messages that goes to `topic`, to be sent where a worker of this test reads.
void send_command(Bench& bench, const runs::Stored& stored) {
  REQUIRE(stored.messages.at(0).topic == "rollcall.member-sync.commands");
  bench.send(".commands", stored.messages[0].key, stored.messages[0].value);
}

long events(Bench& bench, const Uuid& run, const std::string& event) {
  return bench.count("ops.run_events WHERE run_id = $1::uuid AND event = $2 AND detail->>'by' = 'ada'",
                     {postgres::value(run), postgres::value(event)});
}

}  // namespace

TEST_CASE("a run that waits is cancelled at once, with event and news; one that is over is not") {
  Bench bench;
  for (const char* state : {"queued", "waiting", "needs_approval"}) {
    INFO(state);
    const auto run = place(bench, state, "resume_at = now() + interval '1 hour'");
    const auto cancelled = cancel(bench, run);
    CHECK(cancelled.at_once);
    CHECK(bench.is(run, "cancelled"));
    CHECK(bench.count("ops.runs WHERE id = $1::uuid AND finished_at IS NOT NULL AND resume_at IS NULL AND "
                      "error_code = 'cancelled' AND outcome = 'cancelled'",
                      {postgres::value(run)}) == 1);
    CHECK(events(bench, run, "cancelled") == 1);
    REQUIRE(cancelled.stored.messages.size() == 1);
    const Json news = Json::parse(cancelled.stored.messages[0].value);
    CHECK(cancelled.stored.messages[0].topic == runs::runs_topic);
    CHECK_FALSE(bench.schemas.check("rollcall.run.v1", news));
    CHECK(news["state"] == "cancelled");
    CHECK(bench.count("ops.outbox") == 1);
    bench.database.execute("DELETE FROM ops.outbox");
  }
  for (const char* state : {"succeeded", "failed", "cancelled"}) {
    const auto run = place(bench, state);
    CHECK(code_of([&] { cancel(bench, run); }) == "run_finished");
    CHECK(bench.is(run, state));
  }
  CHECK(code_of([&] { cancel(bench, crypto::new_uuid()); }) == "run_not_found");
  CHECK(bench.count("ops.outbox") == 0);
}

TEST_CASE("what joined a cancelled run goes on without it") {
  Bench bench;
  const auto leader = place(bench, "queued");
  const auto follower = place(bench, "waiting", "joined_to = '" + leader.to_string() + "'");
  const auto messages = cancel(bench, leader).stored.messages;
  CHECK(bench.is(leader, "cancelled"));
  CHECK(bench.is(follower, "queued"));
  REQUIRE(messages.size() == 3);
  CHECK(messages[2].topic == "rollcall.member-sync.commands");
  CHECK(Json::parse(messages[2].value)["run_id"] == follower.to_string());
}

TEST_CASE("rejecting a run lets go of what joined it too") {
  Bench bench;
  const auto leader = place(bench, "needs_approval");
  const auto follower = place(bench, "waiting", "joined_to = '" + leader.to_string() + "'");
  bench.database.transact(
      [&](postgres::Transaction& t) { return runs::reject(t, leader, "ada", wall_now()); });
  CHECK(bench.is(leader, "cancelled"));
  CHECK(bench.is(follower, "queued"));
}

TEST_CASE("a running run is asked to stop, once, and its worker ends it") {
  Bench bench;
  TestHandler handler([](const worker::Run&, worker::RunContext& context) -> worker::Outcome {
    while (!context.stop().stop_requested())
      std::this_thread::sleep_for(5ms);
    return worker::WaitUntil{"stopping", "The worker stops.", wall_now()};
  });
  bench.start(handler);
  const auto run = bench.send_command();
  REQUIRE(eventually([&] { return handler.handled == 1; }));
  CHECK_FALSE(cancel(bench, run).at_once);
  CHECK(eventually([&] { return bench.is(run, "cancelled"); }));
  CHECK(events(bench, run, "cancel_requested") == 1);

  // And from there it can be tried again: nothing is left of the request to stop.
  const auto again = retry(bench, run);
  send_command(bench, again);
  CHECK(eventually([&] { return handler.handled == 2 && bench.is(run, "running"); }));
  CHECK_FALSE(cancel(bench, run).at_once);
  CHECK_FALSE(cancel(bench, run).at_once);
  CHECK(eventually([&] { return bench.is(run, "cancelled"); }));
  bench.stop();
  CHECK(events(bench, run, "cancel_requested") == 2);
}

TEST_CASE("a failed run is tried again as on its first day") {
  Bench bench;
  std::mutex mutex;
  std::vector<worker::Run> seen;
  TestHandler handler([&](const worker::Run& run, worker::RunContext& context) -> worker::Outcome {
    const std::lock_guard lock(mutex);
    seen.push_back(run);
    context.carry({{"spent", 1}});
    if (seen.size() == 1) return worker::Failed{"graph_refused", "no", {{"n", 1}}};
    return worker::Done{{{"ok", true}}};
  });
  bench.start(handler);
  const auto run = bench.send_command();
  REQUIRE(eventually([&] { return bench.is(run, "failed"); }));
  bench.database.execute(
      "UPDATE ops.runs SET approved_digest = 'd', approval_expires_at = now() + interval '1 day', progress = "
      "'{}', joined_to = gen_random_uuid()");
  const auto stored = retry(bench, run);
  CHECK(bench.count("ops.runs WHERE state = 'queued' AND attempt = 0 AND started_at IS NULL AND "
                    "finished_at IS NULL AND result IS NULL AND error_code IS NULL AND outcome IS NULL AND "
                    "joined_to IS NULL AND progress IS NULL AND duration_ms IS NULL AND NOT cancel_requested "
                    "AND retried_at > created_at") == 1);
  CHECK(events(bench, run, "retried") == 1);
  REQUIRE(stored.messages.size() == 2);
  CHECK(Json::parse(stored.messages[1].value)["state"] == "queued");
  CHECK(bench.count("ops.outbox") == 1);
  send_command(bench, stored);
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  bench.stop();
  REQUIRE(seen.size() == 2);
  CHECK(seen[1].attempt == 1);
  CHECK_FALSE(seen[1].resumed);
  CHECK(seen[1].carried.is_null());
  CHECK(seen[1].approved_digest.empty());
  CHECK(code_of([&] { retry(bench, run); }) == "run_not_failed");
}

TEST_CASE("a run that expired can be tried again: its age counts from then") {
  Bench bench;
  TestHandler handler;
  const auto run = place(bench, "queued", "created_at = now() - interval '60 days'");
  const auto command = [&] {
    const auto key = crypto::new_uuid();
    bench.send(".commands", key.to_string(), dump(Bench::command(run, key)));
  };
  bench.start(handler);
  command();
  REQUIRE(eventually([&] { return bench.is(run, "failed"); }));
  CHECK(bench.count("ops.runs WHERE error_code = 'run_expired'") == 1);
  retry(bench, run);
  command();
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  bench.stop();
  CHECK(handler.handled == 1);
}

TEST_CASE("only what failed or was cancelled is tried again") {
  Bench bench;
  for (const char* state : {"queued", "running", "waiting", "needs_approval", "succeeded"}) {
    INFO(state);
    const auto run = place(bench, state);
    CHECK(code_of([&] { retry(bench, run); }) == "run_not_failed");
    CHECK(bench.is(run, state));
  }
  CHECK(code_of([&] { retry(bench, crypto::new_uuid()); }) == "run_not_found");
  CHECK(bench.count("ops.outbox") == 0);
}
