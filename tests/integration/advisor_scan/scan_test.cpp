#include "common/schema/validator.h"
#include "tests/integration/advisor_scan/world.h"

using namespace rollcall;
using namespace rollcall::advisor_test;
using advisor_scan::Snapshot;
using advisor_scan::Source;

namespace {

void go_stale(World& world) {
  world.execute("UPDATE sync.groups SET synced_at = now() - interval '8 days'");
}
void recover(World& world) {
  world.execute("UPDATE sync.groups SET synced_at = now()");
}

}  // namespace

TEST_CASE("What was dismissed stays so until its time is over; what was acknowledged resolves") {
  World world;
  go_stale(world);
  world.scan();
  world.execute(
      "UPDATE advisor.findings SET state = 'dismissed', acknowledged_until = now() + interval '1 hour'");
  recover(world);
  CHECK(world.scan()["dismissed"] == 1);
  go_stale(world);
  CHECK(world.scan()["dismissed"] == 1);
  CHECK(world.rules("dismissed").size() == 1);
  world.execute("UPDATE advisor.findings SET acknowledged_until = now() - interval '1 minute'");
  const auto counted = world.scan();
  CHECK(counted["dismissed"] == 0);
  CHECK(counted["opened"] == 0);  // it stands
  recover(world);
  CHECK(world.scan()["resolved"] == 1);
  // For good is for good.
  go_stale(world);
  world.scan();
  world.execute(
      "UPDATE advisor.findings SET state = 'dismissed', acknowledged_until = NULL WHERE state = 'open'");
  recover(world);
  world.scan();
  CHECK(world.rules("dismissed").size() == 1);
  world.execute("UPDATE advisor.findings SET state = 'acknowledged' WHERE state = 'dismissed'");
  CHECK(world.scan()["resolved"] == 1);
}

TEST_CASE("A source that cannot be read resolves nothing of its own, and is named") {
  World world;
  go_stale(world);
  world.add_run(world.organization, "failed", "3 minutes");
  world.add_run(world.organization, "failed", "2 minutes");
  world.add_run(world.organization, "failed", "1 minute");
  CHECK(world.scan()["opened"] == 2);
  recover(world);
  world.add_run(world.organization, "succeeded", "0 minutes");
  world.execute("ALTER TABLE sync.pack_groups RENAME COLUMN marked_at TO noted_at");
  const auto partial = world.scan();
  REQUIRE(partial["unread"].size() == 1);
  CHECK(partial["unread"][0]["source"] == "organizations");
  CHECK(partial["unread"][0]["code"] == "database_refused");
  CHECK(partial["resolved"] == 1);
  CHECK(world.rules() == std::multiset<std::string>{"advisor.group_stale"});
  world.execute("ALTER TABLE sync.pack_groups RENAME COLUMN noted_at TO marked_at");
  CHECK(world.scan()["resolved"] == 1);
}

TEST_CASE("A scan of one organization touches no other, and nothing of the tenant") {
  World world;
  const Uuid other = world.add_organization("Fabrikam");
  world.well(other);
  go_stale(world);
  world.execute(
      "INSERT INTO ops.worker_pauses (worker, paused_at) VALUES ('demo', now() - interval '8 days')");
  CHECK(world.scan(world.organization)["opened"] == 1);
  CHECK(world.scan()["opened"] == 2);
  recover(world);
  world.execute("DELETE FROM ops.worker_pauses");
  CHECK(world.scan(other)["resolved"] == 1);
  CHECK(world.scan()["resolved"] == 2);
  // Another tenant's, and one that is none, are refused.
  CHECK(world.scan(world.add_organization("Elsewhere", "another"))["failed"] == "tenant_not_configured");
  CHECK(world.scan(crypto::new_uuid())["failed"] == "organization_not_found");
  CHECK(world.scan()["opened"] == 0);
}

TEST_CASE("An older look does not overrule a newer one, nor a person") {
  World world;
  go_stale(world);
  // Between the look and its end, another scan opens the finding, and someone decides.
  world.outside = {{Source::dead_letters, true, [&](Snapshot&, const std::stop_token&) {
                      const auto outside = std::exchange(world.outside, {});
                      world.scan();
                      recover(world);
                      world.scan();
                      CHECK(world.rules("resolved").size() == 1);
                    }}};
  const auto older = world.scan();
  CHECK(older["newer"] == 1);
  CHECK(older["opened"] == 0);
  CHECK(world.rules().empty());
}

TEST_CASE("Findings of other workers are theirs") {
  World world;
  world.database.execute(
      "INSERT INTO advisor.findings (tenant_id, organization_id, rule, subject, pillar, severity, title) "
      "VALUES "
      "('tenant', $1, 'group_health.ownerless', '', 'reliability', 'high', 'x'), ('tenant', NULL, "
      "'advisor.of_old', '', 'cost', 'low', 'x')",
      {postgres::value(world.organization)});
  CHECK(world.scan()["resolved"] == 1);
  CHECK(world.rules() == std::multiset<std::string>{"group_health.ownerless"});
}

TEST_CASE("Thousands of organizations take a few statements") {
  World world;
  world.execute(
      "INSERT INTO directory.organizations (tenant_id, name, microsoft_group, updated_at) SELECT 'tenant', "
      "n::text, "
      "gen_random_uuid(), now() - interval '90 days' FROM generate_series(1, 3000) n");
  const auto result = world.scan();
  // Each is stale, and one finding says that nobody looks at any of them.
  CHECK(result["opened"] == 3'001);
  CHECK(result["opened_first"].size() == 100);
  CHECK(world.scan()["unchanged"] == 3'001);
  CHECK(world.audited().size() == 3'001);
}

TEST_CASE("A tick is one scan, with the same run each time it is expanded") {
  World world;
  advisor_scan::Handler handler(world.database, {}, world.clock, world.metrics, world.options);
  Json tick = {{"tick_id", crypto::new_uuid().to_string()},
               {"schedule_id", crypto::new_uuid().to_string()},
               {"schedule_name", "advisor-scan"},
               {"worker", "advisor-scan"},
               {"operation", "scan"},
               {"due_at", "2026-11-21T09:30:00.000Z"}};
  const auto commands = handler.expand(tick, {});
  REQUIRE(commands.size() == 1);
  CHECK_FALSE(commands[0].contains("organization_id"));
  CHECK(handler.expand(tick, {}) == commands);
  CHECK_FALSE(schema::Validator().check("rollcall.advisor-scan.command.v1", commands[0]));
  tick["parameters"] = {{"organization_id", world.organization.to_string()}};
  const auto one = handler.expand(tick, {});
  CHECK(one[0]["organization_id"] == world.organization.to_string());
  CHECK(one[0]["run_id"] != commands[0]["run_id"]);
  CHECK_FALSE(schema::Validator().check("rollcall.advisor-scan.command.v1", one[0]));
  tick["parameters"] = {{"organization_id", "Contoso"}};
  CHECK_THROWS_AS(handler.expand(tick, {}), Error);
}
