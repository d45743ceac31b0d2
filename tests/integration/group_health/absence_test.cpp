#include "common/core/error.h"
#include "tests/integration/group_health/health_world.h"
#include "tests/support/catch.h"

/// A group that is found nowhere: when its link is removed, and when not.
using namespace rollcall;
using namespace rollcall::group_health;
using namespace rollcall::group_health::test;
using Rules = std::vector<std::string>;

TEST_CASE("the link to a group that two looks found nowhere is removed, with audit event and finding") {
  HealthWorld world(20);
  world.somebody_purges(5);
  const bool swept = GENERATE(true, false);
  const auto look = [&] { return swept ? world.check_all() : world.check(5); };
  const Json first = look();
  CHECK(first["looked_at_again"] == 1);
  CHECK(world.looked_at_again() == 1);
  CHECK(world.linked(5) == HealthWorld::group(5));
  look();  // too soon after the first
  CHECK(world.linked(5) == HealthWorld::group(5));
  CHECK(world.looked_at_again() == 1);
  CHECK(world.findings(5) == Rules{"unreachable"});
  world.age("1 hour");
  const Json second = look();
  CHECK(second[swept ? "links_removed" : "link_removed"] == (swept ? Json(1) : Json(true)));
  CHECK_FALSE(world.linked(5));
  CHECK(world.state_of(5) == "gone");
  CHECK(world.findings(5) == Rules{"gone"});
  const auto events = world.audited();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["action"] == "group_unlinked");
  CHECK(events[0]["actor"] == "cli");
  CHECK(events[0]["group_id"] == HealthWorld::group(5).to_string());
  CHECK(events[0]["detail"]["reason"] == "group_gone");
  // The finding stays for somebody to act on; later sweeps leave it and the organization alone.
  world.check_all();
  CHECK(world.findings(5) == Rules{"gone"});
  CHECK(world.audited().size() == 1);
}

TEST_CASE("the second look finds it: the link stays, and the first look is forgotten") {
  HealthWorld world(20);
  world.refuse({5}, 404);  // a replica that lags behind
  world.check_all();
  world.age("1 hour");
  world.refuse({}, 0);
  world.check_all();
  CHECK(world.state_of(5) == "healthy");
  world.refuse({5}, 404);
  world.check_all();
  CHECK(world.linked(5) == HealthWorld::group(5));
  CHECK(world.audited().empty());
}

TEST_CASE("a young link, or a group among what was deleted, is not removed, however often it is not found") {
  HealthWorld world(20);
  world.somebody_purges(5);
  world.somebody_deletes(6);
  world.database.execute("UPDATE directory.organizations SET updated_at = now() WHERE id = $1::uuid",
                         {postgres::value(HealthWorld::organization(5))});
  for (int i = 0; i < 3; ++i) {
    world.check_all();
    world.age("1 hour");
  }
  CHECK(world.linked(5) == HealthWorld::group(5));
  CHECK(world.linked(6) == HealthWorld::group(6));
  CHECK(world.findings(6) == Rules{"soft_deleted"});
}

TEST_CASE("an app that may not look among what was deleted removes nothing, and says what it needs") {
  HealthWorld world(20);
  world.somebody_purges(5);
  world.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (request.url.find("/deletedItems/") == std::string::npos) return std::nullopt;
    return fakes::FakeTransport::answer(403, R"({"error":{"code":"Authorization_RequestDenied"}})");
  };
  world.check(5);
  world.age("1 hour");
  const Json second = world.check(5);
  CHECK(second["reason"] == "graph_not_permitted");
  CHECK(second["message"].get<std::string>().find("Group.Read.All") != std::string::npos);
  CHECK(world.linked(5) == HealthWorld::group(5));
}

TEST_CASE(
    "groups that are missing in such numbers are rather not shown: no link is removed, a finding says so") {
  HealthWorld world(20);
  std::vector<int> missing;
  const int count = GENERATE(4, 20);
  for (int i = 1; i <= count; ++i)
    missing.push_back(i);
  world.refuse(missing, 404);
  CHECK(world.check_all()["guarded"] == true);
  CHECK(world.looked_at_again() == 0);
  world.age("1 hour");
  const Json second = world.check_all();
  CHECK(second["guarded"] == true);
  CHECK(second["links_removed"] == 0);
  CHECK(world.check(1)["guarded"] == true);
  for (const int number : missing)
    CHECK(world.linked(number) == HealthWorld::group(number));
  CHECK(world.findings(0) == Rules{"mass_absence"});
  CHECK(world.audited().empty());
  world.refuse({}, 0);
  CHECK(world.check_all()["guarded"] == false);
  CHECK(world.findings(0).empty());
}

TEST_CASE("links are not removed one after the other either") {
  HealthWorld world(20);
  std::vector<int> missing;
  for (int i = 1; i <= 5; ++i) {
    missing.push_back(i);
    world.refuse(missing, 404);
    world.check(i);
    world.age("1 hour");
    world.check(i);
  }
  CHECK_FALSE(world.linked(3));
  CHECK(world.linked(4) == HealthWorld::group(4));
  CHECK(world.findings(0) == Rules{"mass_absence"});
}

TEST_CASE("who was linked to another group meanwhile keeps that link, and the old findings end") {
  HealthWorld world(21);
  world.database.execute("UPDATE directory.organizations SET microsoft_group = NULL WHERE id = $1::uuid",
                         {postgres::value(HealthWorld::organization(21))});
  world.somebody_purges(5);
  world.check_all();
  world.check_all();
  CHECK(world.findings(5) == Rules{"unreachable"});
  world.age("1 hour");
  const auto relink = [&] {
    world.database.execute(
        "UPDATE directory.organizations SET microsoft_group = $2::uuid WHERE id = $1::uuid",
        {postgres::value(HealthWorld::organization(5)), postgres::value(HealthWorld::group(21))});
  };
  world.instead = [&](const http_client::Request&) {
    relink();
    return std::optional<http_client::Response>();
  };
  world.check_all();
  world.instead = nullptr;
  CHECK(world.linked(5) == HealthWorld::group(21));
  world.check_all();
  CHECK(world.state_of(5) == "healthy");
  CHECK(world.findings(5).empty());
}
