#include "common/schema/validator.h"
#include "tests/integration/front/areas.h"

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

struct Desk {
  Areas areas;
  Uuid ours = areas.world.add_organization("Contoso");

  std::string add(const std::string& organization, const std::string& severity = "high",
                  const std::string& tenant = entra::tenant, const std::string& age = "1 hour") {
    return areas.world.database
        .query(
            "INSERT INTO advisor.findings (tenant_id, organization_id, rule, pillar, severity, title, "
            "subject, opened_at) VALUES ($1, $2::uuid, 'group_without_owner', 'security', $3, 'No owner', "
            "gen_random_uuid()::text, now() - $4::interval) RETURNING id",
            {postgres::value(tenant),
             organization.empty() ? postgres::Value() : postgres::value(organization),
             postgres::value(severity), postgres::value(age)})[0]
        .text(0);
  }
  front::Response decide(const std::string& id, const std::string& verb, const Json& body,
                         const std::string& token = token_of(admin)) {
    return areas.ask("POST", "/api/v1/findings/" + id + "/" + verb, token, body);
  }
};

}  // namespace

TEST_CASE("Findings are listed to who administers the organization; the tenant's own to operators") {
  Desk desk;
  CHECK(desk.areas.walk("/api/v1/findings", operator_token()).empty());
  for (int i = 0; i < 5; ++i)
    desk.add(desk.ours.to_string(), i % 2 == 0 ? "high" : "low");
  desk.add("");
  desk.add("", "high", "another-tenant");
  int pages = 0;
  CHECK(desk.areas.walk("/api/v1/findings?limit=2", token_of(admin), &pages).size() == 5);
  CHECK(pages == 3);
  CHECK(desk.areas.walk("/api/v1/findings", operator_token()).size() == 6);
  CHECK(desk.areas.walk("/api/v1/findings", token_of(member)).empty());
  CHECK(desk.areas.walk("/api/v1/findings?severity=low&state=open", token_of(admin)).size() == 2);
  CHECK(desk.areas.walk("/api/v1/findings?pillar=cost", token_of(admin)).empty());
  CHECK(desk.areas.walk("/api/v1/findings?rule=group_without_owner", token_of(admin)).size() == 5);
  for (const std::string filter : {"state=new", "severity=x", "organization=1"}) {
    const auto wrong = desk.areas.get("/api/v1/findings?" + filter, token_of(admin));
    CHECK(wrong.status == 400);
    CHECK(pointer_of(wrong) == filter.substr(0, filter.find('=')));
  }
}

TEST_CASE("A finding is acknowledged with a reason, once; put off, it opens again by itself") {
  Desk desk;
  const auto id = desk.add(desk.ours.to_string());
  const auto seen = desk.decide(id, "acknowledge", {{"why", "on it"}});
  REQUIRE(seen.status == 200);
  CHECK(World::json(seen)["state"] == "acknowledged");
  CHECK(World::json(seen)["acknowledged_why"] == "on it");
  CHECK(World::json(seen)["acknowledged_by"] == entra::tenant + "/" + admin);
  CHECK(desk.decide(id, "acknowledge", {{"why", "on it"}}).body == seen.body);
  CHECK(desk.areas.audited() == std::vector<std::string>{"finding_acknowledged"});
  const auto off =
      desk.decide(id, "dismiss", {{"why", "as it should be"}, {"until", "2099-01-01T00:00:00Z"}});
  CHECK(World::json(off)["state"] == "dismissed");
  CHECK(World::json(off)["acknowledged_until"] == "2099-01-01T00:00:00.000Z");
  desk.areas.world.database.execute(
      "UPDATE advisor.findings SET acknowledged_until = now() - interval '1 hour'");
  CHECK(desk.areas.walk("/api/v1/findings?state=open", token_of(admin)).size() == 1);
  desk.areas.world.database.execute("UPDATE advisor.findings SET state = 'resolved', resolved_at = now()");
  CHECK(code_of(desk.decide(id, "dismiss", {{"why", "x"}})) == "finding_resolved");
  CHECK(desk.areas.audited().size() == 2);
}

TEST_CASE("Decisions that cannot be are refused by name") {
  Desk desk;
  const auto id = desk.add(desk.ours.to_string());
  CHECK(code_of(desk.decide(id, "acknowledge", nullptr)) == "body_missing");
  CHECK(desk.decide(id, "acknowledge", Json::object()).status == 400);
  CHECK(pointer_of(desk.decide(id, "acknowledge", {{"why", ""}})) == "/why");
  CHECK(pointer_of(desk.decide(id, "acknowledge", {{"why", "a\nb"}})) == "/why");
  CHECK(pointer_of(desk.decide(id, "dismiss", {{"why", "x"}, {"until", "tomorrow"}})) == "/until");
  CHECK(pointer_of(desk.decide(id, "dismiss", {{"why", "x"}, {"until", "2001-01-01T00:00:00Z"}})) ==
        "/until");
  CHECK(pointer_of(desk.decide("7", "dismiss", {{"why", "x"}})) == "finding");
  const std::string none = "00000000-0000-4000-8000-000000000001";
  for (const auto& answer :
       {desk.decide(none, "dismiss", {{"why", "x"}}),
        desk.decide(id, "dismiss", {{"why", "x"}}, token_of(stranger)),
        desk.decide(desk.add(""), "dismiss", {{"why", "x"}}),
        desk.decide(desk.add("", "high", "another-tenant"), "dismiss", {{"why", "x"}}, operator_token())}) {
    CHECK(answer.status == 404);
    CHECK(code_of(answer) == "finding_not_found");
  }
  CHECK(desk.areas.audited().empty());
}

TEST_CASE("A scan is asked for as a job: of one organization by its admins, of the tenant by operators") {
  Desk desk;
  const std::string whole = "/api/v1/scans";
  const std::string one = "/api/v1/organizations/" + desk.ours.to_string() + "/scans";
  CHECK(desk.areas.ask("POST", whole, token_of(admin)).status == 403);
  CHECK(desk.areas.ask("POST", one, token_of(member)).status == 403);
  CHECK(desk.areas.ask("POST", one, token_of(stranger)).status == 404);
  const auto asked = desk.areas.ask("POST", one, token_of(admin));
  REQUIRE(asked.status == 202);
  const std::string job = World::json(asked)["job_id"];
  CHECK(World::header(asked, "Operation-Location") == "http://rollcall.test/api/v1/jobs/" + job);
  // An equal one that has not begun serves both.
  CHECK(World::json(desk.areas.ask("POST", one, operator_token()))["job_id"] == job);
  const auto seen = World::json(desk.areas.get("/api/v1/jobs/" + job, token_of(admin)));
  CHECK(seen["worker"] == "advisor-scan");
  CHECK(seen["operation"] == "scan");
  CHECK(seen["organization_id"] == desk.ours.to_string());
  const auto tenant = desk.areas.ask("POST", whole, operator_token());
  REQUIRE(tenant.status == 202);
  const std::string all = World::json(tenant)["job_id"];
  CHECK(World::json(desk.areas.get("/api/v1/jobs/" + all, operator_token()))["organization_id"].is_null());
  const auto commands = desk.areas.stored("rollcall.advisor-scan.commands");
  REQUIRE(commands.size() == 2);
  const schema::Validator schemas;
  for (const auto& command : commands)
    CHECK_FALSE(schemas.check("rollcall.advisor-scan.command.v1", command));
}
