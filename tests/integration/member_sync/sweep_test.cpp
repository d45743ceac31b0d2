#include "common/core/error.h"
#include "tests/integration/member_sync/sweep_world.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

std::set<int> range(int first, int last) {
  std::set<int> all;
  for (int i = first; i <= last; ++i)
    all.insert(i);
  return all;
}

}  // namespace

TEST_CASE("who was never synced gets a run; when nothing changed, nobody does, for one request per fifty") {
  SweepWorld world(120);
  CHECK(world.sweep() == range(1, 120));
  CHECK(world.state.stats.reads == 3);
  world.runs_end(range(1, 120));
  CHECK(world.sweep().empty());
  CHECK(world.state.stats.reads == 3);
  CHECK(world.state.stats.http == 1);
}

TEST_CASE("a group that somebody changed gets a run in each sweep until one has looked") {
  SweepWorld world(60);
  world.runs_end(world.sweep());
  world.somebody_removes(7, 7);
  CHECK(world.sweep() == std::set<int>{7});
  CHECK(world.sweep() == std::set<int>{7});  // that run failed, say
  world.runs_end({7});
  CHECK(world.sweep().empty());
}

TEST_CASE("a mark that was set while a run was reading outlives that run") {
  SweepWorld world(3);
  world.runs_end(world.sweep());
  const auto read_at = world.clock.wall() - std::chrono::seconds(1);
  world.somebody_removes(2, 2);
  CHECK(world.sweep() == std::set<int>{2});
  world.database.transact([&](postgres::Transaction& transaction) {
    clear_mark(transaction, SweepWorld::organization(2), read_at);
  });
  CHECK(world.sweep() == std::set<int>{2});
}

TEST_CASE("what we wrote ourselves is no news, what somebody undid is") {
  SweepWorld world(60);
  world.runs_end(world.sweep());
  const auto wrote = [&](int organization, bool present) {
    world.database.execute(
        "INSERT INTO sync.recent_writes (organization_id, object_id, present) VALUES ($1, $2, $3) ON "
        "CONFLICT "
        "(organization_id, object_id) DO UPDATE SET present = excluded.present",
        {postgres::value(SweepWorld::organization(organization)),
         postgres::value(SweepWorld::user(organization)), postgres::value(present)});
  };
  world.somebody_removes(5, 5);
  wrote(5, false);
  CHECK(world.sweep().empty());
  world.somebody_removes(6, 6);
  wrote(6, true);
  CHECK(world.sweep() == std::set<int>{6});
}

TEST_CASE("a changed roster or policy gets a run") {
  SweepWorld world(10);
  world.runs_end(world.sweep());
  world.database.execute(
      "UPDATE directory.organizations SET roster_version = roster_version + 1 WHERE id = $1",
      {postgres::value(SweepWorld::organization(3))});
  world.database.execute(
      "UPDATE directory.organizations SET removal_policy = 'mirror', updated_at = clock_timestamp() WHERE id "
      "= "
      "$1",
      {postgres::value(SweepWorld::organization(4))});
  CHECK(world.sweep() == std::set<int>{3, 4});
}

TEST_CASE("who is due a full read gets a run, each at a time of his own") {
  SweepWorld world(60);
  world.runs_end(world.sweep());
  const auto age = [&](const char* hours) {
    world.database.execute(std::string("UPDATE sync.groups SET full_read_at = now() - interval '") + hours +
                           " hours'");
  };
  age("17");
  CHECK(world.sweep().empty());
  age("21");
  const auto some = world.sweep();
  CHECK(some.size() > 10);
  CHECK(some.size() < 50);
  age("24");
  CHECK(world.sweep().size() == 60);
  world.options.maybe_max = 5;
  CHECK(world.sweep().size() == 5);
}

TEST_CASE("an organization with an open run is left alone until that ended") {
  SweepWorld world(10);
  world.runs_end(world.sweep());
  world.somebody_removes(2, 2);
  world.database.execute(
      "WITH run AS (INSERT INTO ops.runs (id, organization_id, worker, operation, state) VALUES "
      "(gen_random_uuid(), $1, 'member-sync', 'sync-members', 'running') RETURNING id) "
      "INSERT INTO ops.claim_blocks (claimed_by, run_ids) SELECT 'one', array_agg(id) FROM run",
      {postgres::value(SweepWorld::organization(2))});
  CHECK(world.sweep().empty());
  world.database.execute("UPDATE ops.runs SET heartbeat_at = now() WHERE state = 'running'");
  CHECK(world.sweep().empty());
  world.database.execute("UPDATE ops.runs SET state = 'failed'");
  CHECK(world.sweep() == std::set<int>{2});
}

TEST_CASE("a link that expired or was reset: every group of the pack is looked at") {
  for (const char* mode : {"gone", "sync_state_not_found"}) {
    INFO(mode);
    SweepWorld world(60);
    world.runs_end(world.sweep());
    world.control("expire-delta", {{"mode", mode}});
    world.options.maybe_max = 40;
    const auto first = world.sweep();
    CHECK(world.state.stats.reads == 4);  // both links refused, both asked for anew
    CHECK(first.size() == 40);            // the others in the next sweep
    world.runs_end(first);
    const auto second = world.sweep();
    CHECK(second.size() == 20);
    CHECK(world.state.stats.reads == 2);
    world.runs_end(second);
    CHECK(world.sweep().empty());
  }
}

TEST_CASE("a newly linked group costs its pack a new link, and no change is missed meanwhile") {
  SweepWorld world(120);
  world.database.execute("UPDATE directory.organizations SET microsoft_group = NULL WHERE id = $1",
                         {postgres::value(SweepWorld::organization(120))});
  world.runs_end(world.sweep());
  for (int i = 1; i <= 119; ++i)
    world.somebody_removes(i, (i - 1) % 60 + 1);
  world.database.execute(
      "UPDATE directory.organizations SET microsoft_group = $2, updated_at = now() WHERE id = $1",
      {postgres::value(SweepWorld::organization(120)), postgres::value(SweepWorld::group(120))});
  CHECK(world.sweep() == range(1, 120));
  CHECK(world.state.stats.reads == 4);
  world.runs_end(range(1, 120));
  CHECK(world.sweep().empty());
  world.somebody_removes(120, 60);
  CHECK(world.sweep() == std::set<int>{120});
}

TEST_CASE("an interrupted sweep goes on where it was, and what it had learned is not lost") {
  SweepWorld world(1'050);
  world.runs_end(world.sweep());
  for (const int number : {1, 500, 1'050})
    world.somebody_removes(number, (number - 1) % 60 + 1);
  const Json tick = world.tick();
  std::stop_source stop;
  world.before_answer = [&] { stop.request_stop(); };
  CHECK_THROWS_AS(world.commands(tick, stop.get_token()), Error);
  CHECK(world.state.stats.reads == 20);
  world.before_answer = {};
  CHECK(SweepWorld::numbers(world.commands(tick)) == std::set<int>{1, 500, 1'050});
  CHECK(world.state.stats.reads == 1);
  CHECK(SweepWorld::numbers(world.commands(tick)).size() == 3);  // the tick once more: nothing is asked again
  CHECK(world.state.stats.reads == 0);
}

TEST_CASE("while Graph answers for no pack, the tick waits") {
  SweepWorld world(60);
  world.runs_end(world.sweep());
  world.somebody_removes(1, 1);
  world.spoil = [](Json& response) { response["status"] = 500; };
  const Json tick = world.tick();
  try {
    world.commands(tick);
    FAIL("the tick must wait");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::transient);
    CHECK(error.retry_after().has_value());
  }
  world.spoil = {};
  CHECK(SweepWorld::numbers(world.commands(tick)) == std::set<int>{1});
}

TEST_CASE("a single pack that Graph fails for is left to the next sweep") {
  SweepWorld world(60);
  world.runs_end(world.sweep());
  const auto packed = [&](const char* which) {
    return static_cast<int>(
        world.database
            .query(std::string("SELECT ('x' || right(organization_id::text, 6))::bit(24)::int "
                               "FROM sync.pack_groups WHERE pack_id = (SELECT ") +
                   which + "(id) FROM sync.packs) ORDER BY 1 LIMIT 1")
            .front()
            .number(0));
  };
  const int failing = packed("min"), fine = packed("max");
  world.somebody_removes(failing, (failing - 1) % 60 + 1);
  world.somebody_removes(fine, (fine - 1) % 60 + 1);
  // The first part fails, and again when it is repeated alone.
  world.spoil = [](Json& response) {
    if (response.at("id") == "1") response["status"] = 500;
  };
  CHECK(world.sweep() == std::set<int>{fine});
  world.spoil = {};
  world.runs_end({fine});
  CHECK(world.sweep() == std::set<int>{failing});
}

TEST_CASE("refused credentials make the tick wait: they are mended without it") {
  SweepWorld world(3);
  world.state.tokens.clear();
  try {
    world.sweep();
    FAIL("the tick must wait");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::transient);
    CHECK(error.retry_after().has_value());
  }
}

TEST_CASE("parameters of a tick: one organization, full reads, dry runs") {
  SweepWorld world(10);
  world.runs_end(world.sweep());
  const auto one = world.commands(
      world.tick({{"organization_id", SweepWorld::organization(4).to_string()}, {"dry_run", true}}));
  CHECK(SweepWorld::numbers(one) == std::set<int>{4});
  CHECK(one.at(0).at("dry_run") == true);
  CHECK(world.state.stats.reads == 0);
  const auto full = world.commands(world.tick({{"full_read", true}}));
  CHECK(SweepWorld::numbers(full) == range(1, 10));
  CHECK(full.at(0).at("full_read") == true);
  CHECK(world.commands(world.tick({{"dry_run", true}})).empty());
  CHECK_THROWS_AS(world.commands(world.tick({{"organization_id", "Contoso"}})), Error);
}
