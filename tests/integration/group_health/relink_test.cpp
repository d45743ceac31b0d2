#include "common/core/error.h"
#include "tests/integration/group_health/health_world.h"
#include "tests/support/catch.h"

/// Linking an organization again to the group it had.
using namespace rollcall;
using namespace rollcall::group_health;
using namespace rollcall::group_health::test;
using Rules = std::vector<std::string>;

namespace {

worker::Outcome relink(HealthWorld& world, int number, const std::function<void()>& before_checkpoint = {}) {
  return world.run("relink-group", HealthWorld::organization(number), 1, before_checkpoint);
}
std::string refusal(HealthWorld& world, int number) {
  const auto outcome = relink(world, number);
  const auto* failed = std::get_if<worker::Failed>(&outcome);
  return failed == nullptr ? "" : failed->code;
}
std::vector<std::string> actions(HealthWorld& world) {
  std::vector<std::string> all;
  for (const auto& event : world.audited())
    all.push_back(event.at("action"));
  return all;
}
/// As when it was deleted, found nowhere twice, and then turned up again.
void clear(HealthWorld& world, int number) {
  world.refuse({number}, 404);
  world.check(number);
  world.age("1 hour");
  world.check(number);
  world.refuse({}, 0);
  REQUIRE_FALSE(world.linked(number));
}

}  // namespace

TEST_CASE("a deleted group is restored and stays linked, by one command") {
  HealthWorld world(20);
  world.somebody_deletes(5);
  world.check(5);
  CHECK(world.findings(5) == Rules{"soft_deleted"});
  const Json result = HealthWorld::done(relink(world, 5));
  CHECK(result["restored"] == true);
  CHECK(world.linked(5) == HealthWorld::group(5));
  CHECK(actions(world) == Rules{"group_restored"});
  CHECK_FALSE(text_member(world.audited()[0], "graph_request_id").empty());
  CHECK(world.findings(5).empty());
  CHECK(world.looked_at_again() == 1);
  CHECK(world.check(5)["state"] == "healthy");
}

TEST_CASE("a group whose link was removed is linked again, and restored where it was deleted") {
  HealthWorld world(20);
  clear(world, 5);
  const bool deleted = GENERATE(true, false);
  if (deleted) world.somebody_deletes(5);
  const Json result = HealthWorld::done(relink(world, 5));
  CHECK(result["restored"] == deleted);
  CHECK(result["linked"] == true);
  CHECK(world.linked(5) == HealthWorld::group(5));
  CHECK(world.findings(5).empty());
  auto expected = Rules{"group_unlinked"};
  if (deleted) expected.push_back("group_restored");
  expected.push_back("group_linked");
  CHECK(actions(world) == expected);
  CHECK(world.check(5)["state"] == "healthy");
}

TEST_CASE("so is one that was unlinked by hand; one that is linked is left as it is") {
  HealthWorld world(20);
  world.check_all();
  world.database.transact([&](postgres::Transaction& transaction) {
    directory::set_group(transaction, HealthWorld::organization(5), std::nullopt,
                         {"cli", world.clock.wall()});
  });
  CHECK(HealthWorld::done(relink(world, 5))["linked"] == true);
  CHECK(world.state_of(5) == "healthy");
  CHECK(HealthWorld::done(relink(world, 5))["linked"] == false);
}

TEST_CASE("a group that is gone for good, taken or cannot be synced is refused, with the reason") {
  HealthWorld world(20);
  clear(world, 5);
  SECTION("gone") {
    world.somebody_purges(5);
    CHECK(refusal(world, 5) == "group_gone");
  }
  SECTION("another organization has it") {
    world.database.execute(
        "UPDATE directory.organizations SET microsoft_group = $2::uuid WHERE id = $1::uuid",
        {postgres::value(HealthWorld::organization(6)), postgres::value(HealthWorld::group(5))});
    CHECK(refusal(world, 5) == "group_linked_elsewhere");
  }
  SECTION("its membership follows a rule") {
    world.in_graph(5).kind = sandbox_graph::GroupKind::dynamic;
    CHECK(refusal(world, 5) == "group_dynamic");
  }
  SECTION("none is remembered") {
    world.database.execute("DELETE FROM sync.group_health");
    CHECK(refusal(world, 5) == "no_group_to_relink");
  }
  CHECK_FALSE(world.linked(5));
}

TEST_CASE("what may not be restored says which permission is missing") {
  HealthWorld world(20);
  world.somebody_deletes(5);
  world.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (!request.url.ends_with("/restore")) return std::nullopt;
    return fakes::FakeTransport::answer(403, R"({"error":{"code":"Authorization_RequestDenied"}})");
  };
  try {
    relink(world, 5);
    FAIL("was not refused");
  } catch (const Error& error) {
    CHECK(error.code() == "graph_not_permitted");
    CHECK(std::string(error.what()).find("Group.ReadWrite.All") != std::string::npos);
  }
}

TEST_CASE("a worker that dies after it asked for the restoration still puts it on record") {
  HealthWorld world(20);
  world.somebody_deletes(5);
  int checkpoints = 0;
  CHECK_THROWS_AS(relink(world, 5,
                         [&] {
                           if (++checkpoints == 2) throw Error(Fault::conflict, "claim_lost", "killed");
                         }),
                  Error);
  CHECK(world.audited().empty());
  const Json result = HealthWorld::done(relink(world, 5));
  CHECK(result["restored"] == true);
  CHECK(actions(world) == Rules{"group_restored"});
}
