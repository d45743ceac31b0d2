#include "common/postgres/migrate.h"
#include "tests/integration/audit_writer/world.h"
#include "tests/integration/cli/shell.h"

#include <algorithm>

using namespace rollcall;

TEST_CASE("what stood before there were chains is adopted") {
  postgres::Database database(test::database_options(test::fresh_database()));
  auto migrations = postgres::project_migrations();
  const auto chains =
      std::ranges::find(migrations, std::string("0014_audit.sql"), &postgres::Migration::name);
  REQUIRE(chains != migrations.end());
  postgres::migrate(database, {migrations.begin(), chains});
  database.query("SELECT audit.ensure_partition('2026-10-01'), audit.ensure_partition('2026-11-01')");
  database.execute(
      "INSERT INTO audit.events (event_id, occurred_at, tenant_id, organization_id, actor, action, "
      "member_object_id, "
      "detail, graph_request_id) SELECT gen_random_uuid(), '2026-10-31T20:00:00.123Z'::timestamptz + n * "
      "interval '1 "
      "second', 'contoso', CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, CASE WHEN n % 2 = 0 THEN "
      "'contoso/ada' ELSE "
      "'cli' END, 'member_added', CASE WHEN n % 5 > 0 THEN gen_random_uuid() END, CASE WHEN n % 7 = 0 THEN "
      "'{\"b\": "
      "1.50, \"a\": \"é\"}'::jsonb ELSE '{}' END, nullif('r' || n % 4, 'r0') FROM generate_series(1, 12000) "
      "n");
  postgres::migrate(database, migrations);
  std::vector<audit::Finding> findings;
  const auto verify = [&] {
    findings.clear();
    return audit::verify(database, std::nullopt, std::nullopt,
                         [&](const audit::Finding& one) { findings.push_back(one); });
  };
  const auto tally = verify();
  CHECK(findings.empty());
  CHECK(tally.events == 12'000);
  CHECK(tally.seals == 3);
  database.transact([](postgres::Transaction& transaction) {
    transaction.execute("SET LOCAL session_replication_role = replica");
    transaction.execute(
        "UPDATE audit.events SET action = 'x' WHERE event_id = (SELECT max(event_id::text)::uuid FROM "
        "audit.events)");
  });
  verify();
  CHECK(findings.size() == 1);
}

TEST_CASE("verify, export and erase on the command line") {
  const std::string url = test::migrated_database();
  const test::Shell rollcall({{"DATABASE_URL", url}}, false);
  const std::string person = "0a000000-0000-4000-8000-00000000aaaa";
  rollcall.query("SELECT audit.ensure_partition('2026-10-01')");
  rollcall.query(
      "INSERT INTO audit.events (event_id, occurred_at, tenant_id, actor, action, member_object_id, "
      "subject_salt) VALUES ('" +
      person + "', '2026-10-02', 'contoso', 'cli', 'member_added', '" + person + "', gen_random_uuid())");
  const auto lines = [](const std::string& text) {
    std::vector<Json> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      all.push_back(Json::parse(line));
    return all;
  };
  const auto found = rollcall({"audit", "verify", "--without-kafka", "--json"});
  CHECK(found.exit == 1);
  CHECK(lines(found.out).front()["finding"] == "row_inserted");
  CHECK(lines(found.out).front()["event_id"] == person);
  CHECK(lines(found.out).back()["verified"] == false);
  CHECK(rollcall({"audit", "verify", "--without-kafka", "--since", "2026-10"}).exit == 2);

  const auto exported = lines(rollcall({"audit", "export", "--since", "2026-10-02T00:00:00Z"}).out);
  REQUIRE(exported.size() == 2);
  CHECK(exported[0]["member_object_id"] == person);
  CHECK(exported[1] == Json({{"complete", true}, {"events", 1}}));
  CHECK(lines(rollcall({"audit", "export", "--until", "2026-10-02T00:00:00Z", "--json"}).out).size() == 1);

  CHECK(rollcall.json({"audit", "erase", person, "--reason", "asked for"})["parts"] == 1);
  CHECK(rollcall.query("SELECT FROM audit.events WHERE member_object_id IS NOT NULL").empty());
  CHECK(rollcall.query("SELECT FROM audit.erasures WHERE reason = 'asked for' AND actor = 'cli'").size() ==
        1);
  CHECK(rollcall({"audit", "erase", "ada", "--reason", "x"}).exit == 2);
  CHECK(rollcall({"audit", "erase", person}).exit == 2);

  const std::string empty = test::migrated_database();
  CHECK(test::Shell({{"DATABASE_URL", empty}}, false)({"audit", "verify", "--without-kafka"}).exit == 0);
  const auto away =
      test::Shell({{"DATABASE_URL", empty}, {"KAFKA_BROKERS", "127.0.0.1:1"}}, false)({"audit", "verify"});
  CHECK(away.exit == 5);
  CHECK(away.out.find("not checked: published roots") != std::string::npos);
}
