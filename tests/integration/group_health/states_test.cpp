#include "common/core/error.h"
#include "tests/integration/group_health/health_world.h"
#include "tests/support/catch.h"

/// What a look finds, stores and tells.
using namespace rollcall;
using namespace rollcall::group_health;
using namespace rollcall::group_health::test;
using sandbox_graph::GroupKind;
using Rules = std::vector<std::string>;

TEST_CASE("each state of a group is stored with its reason and its finding, by a sweep and by one look") {
  HealthWorld world(40);
  world.in_graph(1).owners.clear();
  world.in_graph(2).kind = GroupKind::dynamic;
  world.in_graph(3).kind = GroupKind::on_premises;
  world.in_graph(4).kind = GroupKind::mail_security;
  world.in_graph(5).kind = GroupKind::role_assignable;
  world.refuse({6}, 403);
  world.somebody_deletes(7);
  world.somebody_purges(8);
  const Json swept = world.check_all();
  CHECK(swept["checked"] == 40);
  CHECK(
      swept["states"] ==
      Json(
          {{"healthy", 32}, {"ownerless", 1}, {"unmanageable", 5}, {"soft_deleted", 1}, {"unreachable", 1}}));
  struct Case {
    int number;
    const char *state, *reason;
    Rules findings;
  };
  const std::vector<Case> cases{
      {1, "ownerless", "group_ownerless", {"ownerless"}},
      {2, "unmanageable", "group_dynamic", {"unmanageable"}},
      {3, "unmanageable", "group_on_premises", {"unmanageable"}},
      {4, "unmanageable", "group_mail_enabled_security", {"unmanageable"}},
      {5, "unmanageable", "group_role_assignable", {"unmanageable"}},
      {6, "unmanageable", "graph_not_permitted", {"unmanageable"}},
      {7, "soft_deleted", "group_deleted", {"soft_deleted"}},
      {8, "unreachable", "group_not_found", {}},  // a replica may lag behind: no news yet
      {9, "healthy", "", {}},
  };
  for (const auto& one : cases) {
    INFO(one.number);
    CHECK(world.state_of(one.number) == one.state);
    CHECK(world.findings(one.number) == one.findings);
    const Json looked = world.check(one.number);
    CHECK(looked["state"] == one.state);
    CHECK(text_member(looked, "reason") == one.reason);
    CHECK(looked["link_removed"] == false);
    CHECK(world.linked(one.number) == HealthWorld::group(one.number));
  }
  CHECK(world.check(7)["restorable_until"].get<std::string>().ends_with("Z"));
  CHECK(world.check(9)["owners"] == 1);
  CHECK(world.audited().empty());
}

TEST_CASE("a finding closes when its cause ends, and what is known keeps the time since when it is so") {
  HealthWorld world(4);
  world.in_graph(1).owners.clear();
  world.check_all();
  const auto since = world.check(1)["since"];
  CHECK(world.findings(1) == Rules{"ownerless"});
  CHECK(world.check(1)["since"] == since);
  world.in_graph(1).kind = GroupKind::dynamic;
  CHECK(world.check(1)["since"] != since);
  CHECK(world.findings(1) == Rules{"unmanageable"});
  world.in_graph(1).kind = GroupKind::microsoft365;
  world.in_graph(1).owners = {HealthWorld::numbered("00000001", 2)};
  world.check_all();
  CHECK(world.state_of(1) == "healthy");
  CHECK(world.findings(1).empty());
}

TEST_CASE("a group that Graph fails for is unreachable; that is told when it stays so, and ends nothing") {
  HealthWorld world(20);
  world.in_graph(1).owners.clear();
  world.check_all();
  world.refuse({1}, 503);
  CHECK(world.check(1)["state"] == "unreachable");
  CHECK(world.findings(1) == Rules{"ownerless"});
  CHECK(world.check(1)["reason"] == "graph_unavailable");
  CHECK(world.findings(1) == Rules{"ownerless", "unreachable"});
  world.refuse({}, 0);
  CHECK(world.check(1)["state"] == "ownerless");
  CHECK(world.findings(1) == Rules{"ownerless"});
}

TEST_CASE("a sweep costs one read for fifteen groups and one HTTP request for three hundred") {
  HealthWorld world(640);
  const Json swept = world.check_all();
  CHECK(swept["states"] == Json({{"healthy", 640}}));
  CHECK(world.state.stats.reads == 43);  // 20 + 20 + 3
  CHECK(world.state.stats.http == 3);
  CHECK(swept["requests"]["http"] == 3);
  CHECK(swept["requests"]["reads"] == 43);
  // Who is missing from a listing is asked for by himself: two reads, ten of them in a request.
  for (int i = 1; i <= 20; ++i)
    world.somebody_deletes(i);
  world.check_all();
  CHECK(world.state.stats.reads == 43 + 40);
  CHECK(world.state.stats.http == 3 + 2);
  CHECK(world.state_of(20) == "soft_deleted");
  world.check(600);
  CHECK(world.state.stats.reads == 1);
}

TEST_CASE("a sweep that was cut short goes on behind the pages it has stored") {
  HealthWorld world(301);
  int checkpoints = 0;
  const auto die = [&] {
    if (++checkpoints == 2) throw Error(Fault::conflict, "claim_lost", "killed");
  };
  CHECK_THROWS_AS(world.run("check-groups", {}, 1, die), Error);
  CHECK(world.carried["checked"] == 300);
  const Json swept = HealthWorld::done(world.run("check-groups", {}, 2));
  CHECK(world.state.stats.reads == 1);
  CHECK(swept["checked"] == 301);
  CHECK(swept["requests"]["http"] == 3);  // those of the first attempt too
}

TEST_CASE("where Graph shows none of the groups, nothing is stored, and a finding says so until it does") {
  HealthWorld world(10);
  world.check_all();
  const auto before = world.database.query("SELECT * FROM sync.group_health ORDER BY 1").at(0).columns;
  SECTION("a permission was taken away") {
    world.control("faults", {{"rate", 1}, {"status", 403}});
    CHECK_THROWS_AS(world.check_all(), Error);
    CHECK(world.findings(0) == Rules{"access_lost"});
  }
  SECTION("our token is refused") {
    world.instead = [](const http_client::Request&) {
      return std::optional(
          fakes::FakeTransport::answer(401, R"({"error":{"code":"InvalidAuthenticationToken"}})"));
    };
    CHECK_THROWS_AS(world.check_all(), Error);
    CHECK(world.findings(0) == Rules{"access_lost"});
  }
  SECTION("the service is away, and still at the third attempt") {
    world.control("faults", {{"rate", 1}, {"status", 503}});
    CHECK_THROWS_AS(world.run("check-groups", {}, 3), Error);
    CHECK(world.findings(0) == Rules{"access_lost"});
  }
  CHECK(world.database.query("SELECT * FROM sync.group_health ORDER BY 1").at(0).columns == before);
  world.control("faults", Json::object());
  world.instead = nullptr;
  world.check_all();
  CHECK(world.findings(0).empty());
}

TEST_CASE("what cannot be looked at says why") {
  HealthWorld world(2);
  const auto code = [&](const worker::Outcome& outcome) { return std::get<worker::Failed>(outcome).code; };
  CHECK(code(world.run("check-groups", HealthWorld::organization(9))) == "organization_not_found");
  world.database.execute("UPDATE directory.organizations SET microsoft_group = NULL WHERE id = $1::uuid",
                         {postgres::value(HealthWorld::organization(1))});
  CHECK(code(world.run("check-groups", HealthWorld::organization(1))) == "group_not_linked");
  world.database.execute("UPDATE directory.organizations SET tenant_id = 'another' WHERE id = $1::uuid",
                         {postgres::value(HealthWorld::organization(2))});
  CHECK(code(world.run("check-groups", HealthWorld::organization(2))) == "tenant_not_configured");
  world.options.enabled = false;
  CHECK(code(world.run("check-groups", {})) == "setting_invalid");
}
