#include "common/runs/blocks.h"
#include "tests/integration/runs/fixture.h"

#include <future>

/// Asking for runs: stored with their commands, once, and equal ones join.
using namespace rollcall;
using namespace rollcall::test;

namespace {

runs::NewRun sync_of(const Uuid& organization, Json parameters = Json::object(), bool bulk = false) {
  return {crypto::new_uuid(),    "contoso", "member-sync", "sync-members", "cli", organization,
          std::move(parameters), bulk};
}

runs::Enqueued ask(Bench& bench, const std::vector<runs::NewRun>& runs) {
  return bench.database.transact(
      [&](postgres::Transaction& t) { return runs::enqueue(t, runs, wall_now()); });
}

bool joins(Bench& bench, const runs::NewRun& run, const Uuid& leader) {
  const auto asked = ask(bench, {run}).asked.at(0);
  CHECK(asked.joined == (asked.run != run.id));
  return asked.joined && asked.run == leader;
}

}  // namespace

TEST_CASE("enqueue stores run and command together, and once") {
  Bench bench;
  const auto run = sync_of(crypto::new_uuid(), {{"dry_run", true}});
  const auto enqueued = ask(bench, {run});
  REQUIRE(enqueued.asked.size() == 1);
  CHECK(enqueued.asked[0].run == run.id);
  CHECK_FALSE(enqueued.asked[0].joined);
  REQUIRE(enqueued.stored.ids.size() == 1);
  CHECK(enqueued.stored.messages[0].topic == "rollcall.member-sync.commands");
  CHECK_FALSE(
      bench.schemas.check("rollcall.member-sync.command.v1", Json::parse(enqueued.stored.messages[0].value)));
  const auto again = ask(bench, {run});
  CHECK(again.asked[0].run == run.id);
  CHECK_FALSE(again.asked[0].joined);
  CHECK(again.stored.ids.empty());
  CHECK(bench.is(run.id, "queued"));
  CHECK(bench.count("ops.outbox") == 1);
  CHECK(bench.count("ops.runs WHERE length(parameters_hash) = 64") == 1);
}

TEST_CASE("a run equal to one that has never begun joins it; any other does not") {
  Bench bench;
  const auto organization = crypto::new_uuid();
  const auto first = sync_of(organization);
  ask(bench, {first});
  CHECK(joins(bench, sync_of(organization), first.id));
  CHECK(bench.count("ops.runs") == 1);
  CHECK(bench.count("ops.outbox") == 1);

  CHECK_FALSE(joins(bench, sync_of(crypto::new_uuid()), first.id));
  CHECK_FALSE(joins(bench, sync_of(organization, {{"dry_run", true}}), first.id));
  auto other = sync_of(organization);
  other.operation = "check";
  CHECK_FALSE(joins(bench, other, first.id));
  other = sync_of(organization);
  other.worker = "group-health";
  CHECK_FALSE(joins(bench, other, first.id));
  auto own = sync_of(organization);
  own.organization_id.reset();
  ask(bench, {own});
  auto second = own;
  second.id = crypto::new_uuid();
  CHECK_FALSE(joins(bench, second, own.id));

  auto apart = sync_of(organization);
  apart.joins = false;
  CHECK_FALSE(joins(bench, apart, first.id));

  for (const std::string begun :
       {"attempt = 1", "started_at = now()", "state = 'running'", "state = 'waiting'", "state = 'succeeded'",
        "cancel_requested = true", "approved_digest = 'd'"}) {
    INFO(begun);
    const auto at = crypto::new_uuid();
    const auto leader = sync_of(at);
    ask(bench, {leader});
    bench.database.execute("UPDATE ops.runs SET " + begun + " WHERE id = $1::uuid",
                           {postgres::value(leader.id)});
    CHECK_FALSE(joins(bench, sync_of(at), leader.id));
  }
}

TEST_CASE("equal runs of one block are one, and the answers stand in the order asked") {
  Bench bench;
  const auto a = crypto::new_uuid(), b = crypto::new_uuid();
  const std::vector<runs::NewRun> block{sync_of(a), sync_of(b), sync_of(a)};
  const auto asked = ask(bench, block).asked;
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].run == block[0].id);
  CHECK(asked[1].run == block[1].id);
  CHECK(asked[2].run == block[0].id);
  CHECK(asked[2].joined);
  CHECK(bench.count("ops.runs") == 2);
}

TEST_CASE("one that stands behind bulk is moved up for one that someone waits for, once") {
  Bench bench;
  const auto organization = crypto::new_uuid();
  const auto bulk = sync_of(organization, {{"dry_run", true}}, true);
  CHECK(ask(bench, {bulk}).stored.messages.at(0).topic == "rollcall.member-sync.ticks");
  CHECK(ask(bench, {sync_of(organization, {{"dry_run", true}}, true)}).stored.messages.empty());
  const auto moved = ask(bench, {sync_of(organization, {{"dry_run", true}})});
  CHECK(moved.asked[0].run == bulk.id);
  REQUIRE(moved.stored.messages.size() == 1);
  CHECK(moved.stored.messages[0].topic == "rollcall.member-sync.commands");
  const Json command = Json::parse(moved.stored.messages[0].value);
  CHECK(command["run_id"] == bulk.id.to_string());
  CHECK(command["dry_run"] == true);
  CHECK(ask(bench, {sync_of(organization, {{"dry_run", true}})}).stored.messages.empty());
}

TEST_CASE("of two who ask for the same at once, one joins the other") {
  Bench bench;
  const auto organization = crypto::new_uuid();
  const auto first = sync_of(organization), second = sync_of(organization);
  std::future<runs::Enqueued> other;
  bench.database.transact([&](postgres::Transaction& t) {
    runs::enqueue(t, {first}, wall_now());
    other = std::async(std::launch::async, [&] { return ask(bench, {second}); });
    CHECK(
        eventually([&] { return bench.count("pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0; }));
  });
  const auto asked = other.get().asked.at(0);
  CHECK(asked.joined);
  CHECK(asked.run == first.id);
  CHECK(bench.count("ops.runs") == 1);
}
