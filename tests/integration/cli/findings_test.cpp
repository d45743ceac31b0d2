#include "tests/integration/cli/shell.h"

#include <set>

/// Findings as the command line shows and decides them, and scans as it asks for them.
using namespace rollcall;
using namespace rollcall::test;

namespace {

std::string add(const Shell& rollcall, const std::string& severity, const std::string& organization = "NULL",
                const std::string& tenant = "default") {
  return rollcall
      .query(
          "INSERT INTO advisor.findings (tenant_id, organization_id, rule, subject, pillar, severity, title, "
          "remedy, evidence) VALUES ('" +
          tenant + "', " + organization + ", 'advisor.group_stale', gen_random_uuid(), 'reliability', '" +
          severity + "', 'Not synced', 'Sync it', '{\"synced_at\": null}') RETURNING id")
      .at(0)
      .text(0);
}

std::set<std::string> ids(const Json& list) {
  std::set<std::string> found;
  for (const auto& one : list)
    found.insert(one["id"]);
  return found;
}

}  // namespace

TEST_CASE("Findings are listed open, by what is asked for, and shown whole") {
  const Shell rollcall;
  CHECK(rollcall({"findings", "list"}).err.find("There are no such findings") != std::string::npos);
  const auto organization = rollcall.add("Contoso");
  const auto high = add(rollcall, "high"), low = add(rollcall, "low", "'" + organization + "'");
  add(rollcall, "high", "NULL", "another");
  CHECK(ids(rollcall.json({"findings", "list"})) == std::set{high, low});
  CHECK(ids(rollcall.json({"findings", "list", "--severity", "high"})) == std::set{high});
  CHECK(ids(rollcall.json({"findings", "list", "--org", "Contoso"})) == std::set{low});
  CHECK(rollcall.json({"findings", "list", "--pillar", "cost"}).empty());
  CHECK(rollcall.json({"findings", "list", "--rule", "advisor.other"}).empty());
  CHECK(rollcall({"findings", "list", "--limit", "1"}).err.find("there are more") != std::string::npos);
  const auto shown = rollcall({"findings", "show", low}).out;
  for (const char* part : {"Not synced", "advisor.group_stale", "Sync it", "synced_at: null"})
    CHECK(shown.find(part) != std::string::npos);
  CHECK(rollcall({"findings", "list", "--severity", "worst"}).exit == 2);
}

TEST_CASE("Findings are acknowledged and dismissed once, by whom, why and until when") {
  const Shell rollcall;
  const auto id = add(rollcall, "high");
  const Json seen = rollcall.json({"findings", "ack", id, "--why", "on it"});
  CHECK(seen["state"] == "acknowledged");
  CHECK(seen["acknowledged_by"] == "cli");
  CHECK(seen["acknowledged_why"] == "on it");
  CHECK(rollcall({"findings", "ack", id, "--why", "on it"}).out.find("nothing changed") != std::string::npos);
  CHECK(rollcall.json({"findings", "list"}).empty());
  CHECK(ids(rollcall.json({"findings", "list", "--state", "all"})) == std::set{id});
  const Json off =
      rollcall.json({"findings", "dismiss", id, "--why", "a test", "--until", "2099-01-01T00:00:00Z"});
  CHECK(off["state"] == "dismissed");
  CHECK(off["acknowledged_until"] == "2099-01-01T00:00:00.000Z");
  CHECK(rollcall
            .query("SELECT m->>'payload' FROM ops.outbox, jsonb_array_elements(messages) AS m WHERE "
                   "m->>'payload' LIKE '%finding_%'")
            .size() == 2);
  CHECK(rollcall({"findings", "dismiss", id, "--why", "x", "--until", "tomorrow"}).exit == 2);
  CHECK(rollcall({"findings", "dismiss", id, "--why", "x", "--until", "2001-01-01T00:00:00Z"}).exit == 2);
  CHECK(rollcall({"findings", "dismiss", id}).exit == 2);
  CHECK(rollcall({"findings", "ack", "7", "--why", "x"}).exit == 2);
  const auto foreign =
      rollcall({"findings", "ack", add(rollcall, "low", "NULL", "another"), "--why", "x", "--json"});
  CHECK(foreign.exit == 3);
  CHECK(foreign.json()["error"]["code"] == "finding_not_found");
  rollcall.query("UPDATE advisor.findings SET state = 'resolved', resolved_at = now()");
  CHECK(rollcall({"findings", "ack", id, "--why", "x"}).exit == 4);
}

TEST_CASE("A scan is asked for of the tenant, or of one organization") {
  const Shell rollcall;
  const auto organization = rollcall.add("Contoso");
  const Json whole = rollcall.json({"scan"});
  CHECK(whole["state"] == "queued");
  const Json one = rollcall.json({"scan", "Contoso"});
  CHECK(rollcall.json({"scan", "Contoso"})["job_id"] == one["job_id"]);
  const auto rows = rollcall.query(
      "SELECT organization_id, worker, operation FROM ops.runs ORDER BY organization_id NULLS FIRST");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].is_null(0));
  CHECK(rows[1].text(0) == organization);
  CHECK(rows[1].text(1) == "advisor-scan");
  CHECK(rows[1].text(2) == "scan");
  CHECK(rollcall({"scan", "Nobody"}).exit == 3);
}
