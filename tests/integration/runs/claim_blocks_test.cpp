#include "common/runs/blocks.h"
#include "common/worker/in_flight.h"
#include "tests/integration/runs/fixture.h"

/// What a run that is claimed off a topic costs, and how it is found before its first heartbeat.
using namespace rollcall;
using namespace rollcall::test;

namespace {

std::vector<worker::Command> commands(std::size_t count) {
  std::vector<worker::Command> made(count);
  for (auto& command : made) {
    command.run_id = crypto::new_uuid();
    command.organization_id = crypto::new_uuid();
    command.operation = "sync-members";
  }
  return made;
}

worker::ClaimAnswer claim(Bench& bench, const std::vector<worker::Command>& block) {
  return bench.database.transact([&](postgres::Transaction& transaction) {
    return worker::claim_block(transaction, {"member-sync", "one"}, block, wall_now());
  });
}

worker::Finished finished(const std::shared_ptr<worker::Claimed>& claimed) {
  return {claimed, worker::settlement_of(worker::Done{{{"added", 3}}}, 1, wall_now(), {}, wall_now(), 0),
          1ms};
}

}  // namespace

TEST_CASE("settling what was claimed off a topic touches no index") {
  Bench bench;
  const auto answer = claim(bench, commands(60));
  REQUIRE(answer.claimed.size() == 60);
  std::vector<worker::Finished> all;
  for (const auto& one : answer.claimed)
    all.push_back(finished(one));
  std::vector<worker::Finished*> pointers;
  for (auto& one : all)
    pointers.push_back(&one);
  bench.database.transact([&](postgres::Transaction& transaction) {
    worker::settle_block(transaction, "member-sync", pointers, wall_now());
    const auto updates = transaction.query(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relid = 'ops.runs'::regclass");
    CHECK(updates.at(0).number(0) == 60);
    CHECK(updates.at(0).number(1) >= 54);  // the last of a page may find no room
  });
}

TEST_CASE("a run claimed off a topic is an open one before its first heartbeat, and after") {
  Bench bench;
  const auto block = commands(2);
  const auto answer = claim(bench, block);
  REQUIRE(answer.claimed.size() == 2);
  CHECK(bench.count("ops.claim_blocks WHERE claimed_by = 'one' AND cardinality(run_ids) = 2") == 1);
  CHECK(bench.count("ops.open_runs WHERE state = 'running'") == 2);

  runs::NewRun again{crypto::new_uuid(), "",         "member-sync",
                     "sync-members",     "schedule", block[0].organization_id,
                     Json::object()};
  const auto skipped = bench.database.transact(
      [&](postgres::Transaction& t) { return runs::enqueue_block(t, {again}, wall_now(), true); });
  CHECK(skipped.messages.empty());

  bench.database.execute("UPDATE ops.runs SET heartbeat_at = now()");
  CHECK(bench.count("ops.open_runs WHERE state = 'running'") == 2);
  bench.database.execute("UPDATE ops.runs SET state = 'failed'");
  CHECK(bench.count("ops.open_runs") == 0);
}

TEST_CASE("a run that was queued is found by its own row as soon as it is claimed") {
  Bench bench;
  const runs::NewRun queued{crypto::new_uuid(), "", "member-sync", "sync-members", "cli", crypto::new_uuid(),
                            Json::object()};
  bench.database.transact([&](postgres::Transaction& t) { return runs::enqueue(t, {queued}, wall_now()); });
  auto block = commands(1);
  block[0].run_id = queued.id;
  REQUIRE(claim(bench, block).claimed.size() == 1);
  CHECK(bench.count("ops.runs WHERE open_state = 'running'") == 1);
  CHECK(bench.count("ops.claim_blocks") == 0);
}

TEST_CASE("a block stays until none of its runs is in flight, and while one was left running") {
  Bench bench;
  worker::InFlight in_flight(bench.clock);
  for (const bool left : {false, true}) {
    INFO(left);
    auto answer = claim(bench, commands(2));
    const auto first = answer.claimed[0]->run.id, second = answer.claimed[1]->run.id;
    for (auto& one : answer.claimed) {
      in_flight.add(one->run.id);
      in_flight.claimed(std::exchange(one, nullptr));
    }
    in_flight.remove(first);
    in_flight.forget_blocks(bench.database);
    CHECK(bench.count("ops.claim_blocks") == 1);
    left ? in_flight.leave(second) : in_flight.remove(second);
    in_flight.forget_blocks(bench.database);
    CHECK(bench.count("ops.claim_blocks") == (left ? 1 : 0));
  }
}

TEST_CASE("a worker leaves no block behind") {
  Bench bench;
  TestHandler handler;
  bench.start(handler);
  for (int i = 0; i < 5; ++i)
    bench.send_command();
  CHECK(eventually([&] { return bench.count("ops.runs WHERE state = 'succeeded'") == 5; }));
  CHECK(eventually([&] { return bench.count("ops.claim_blocks") == 0; }));
  bench.stop();
}
