#include "tests/integration/front/areas.h"
#include "workers/front/api/agents.h"
#include "workers/front/core/copilot_actions.h"

#include <set>

using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

const std::string actions = "/copilot/v1/actions";
/// Stands in what Copilot is never told.
const std::string secret = "for-operators-eyes-only";

std::set<std::string> members_of(const Json& object) {
  std::set<std::string> names;
  for (const auto& [name, unused] : object.items())
    names.insert(name);
  return names;
}

struct Copilot {
  Areas areas;
  Uuid organization = areas.world.add_organization("Contoso");
  std::string finding = add_finding("Nobody owns the group");

  std::string add_finding(const std::string& title) {
    return areas.world.database
        .query(
            "INSERT INTO advisor.findings (tenant_id, organization_id, rule, pillar, severity, title, "
            "evidence, remedy, subject) VALUES ($1, $2::uuid, 'group_health.ownerless', 'security', "
            "'high', $3, jsonb_build_object('why', $4::text), 'Add an owner', $4 || $3) RETURNING id",
            {postgres::value(entra::tenant), postgres::value(organization), postgres::value(title),
             postgres::value(secret)})[0]
        .text(0);
  }
  std::string add_run() {
    return areas.world.database
        .query(
            "INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, result, "
            "caller_identity, parameters, error_code, error_message) VALUES (gen_random_uuid(), $1, "
            "$2::uuid, 'member-sync', 'sync-members', 'failed', jsonb_build_object('text', $3::text), $3, "
            "jsonb_build_object('text', $3::text), 'run_too_old', $3) RETURNING id",
            {postgres::value(entra::tenant), postgres::value(organization), postgres::value(secret)})[0]
        .text(0);
  }
  Response act(const std::string& operation, const Json& parameters, const std::string& token) {
    return areas.ask("POST", actions, token, {{"operation", operation}, {"parameters", parameters}});
  }
  /// The calls on record, oldest first: operation, state, code, caller.
  std::vector<std::string> calls() {
    std::vector<std::string> all;
    for (const auto& row : areas.world.database.query(
             "SELECT operation || ' ' || state || ' ' || coalesce(error_code, '-') || ' ' || "
             "caller_identity FROM ops.runs WHERE kind = 'call' ORDER BY created_at, id"))
      all.push_back(row.text(0));
    return all;
  }
};

}  // namespace

TEST_CASE("Copilot gets the fields that the schema names and were asked for, and none else") {
  Copilot copilot;
  copilot.add_run();
  const auto components = openapi_components();
  for (const auto& action : copilot_actions()) {
    if (action.item.empty()) continue;
    const std::string flat = actions + "/" + std::string(action.id);
    const auto named = members_of(components.at(std::string(action.item)).at("properties"));
    const auto check = [&](const Response& answer, const std::set<std::string>& expected) {
      REQUIRE(answer.status == 200);
      CHECK(answer.body.find(secret) == std::string::npos);
      const Json body = World::json(answer);
      CHECK(members_of(body) == std::set<std::string>{"results", "more"});
      REQUIRE(body["results"].size() == 1);
      CHECK(members_of(body["results"][0]) == expected);
      CHECK(copilot.areas.world.components.mistakes(std::string(action.answer), body).empty());
    };
    check(copilot.act(std::string(action.id), Json::object(), token_of(admin)), named);
    check(copilot.areas.get(flat, token_of(admin)), named);
    for (const auto& field : named) {
      INFO(action.id << " " << field);
      check(copilot.act(std::string(action.id), {{"fields", field}}, token_of(admin)), {field});
      check(copilot.areas.get(flat + "?fields=" + field, token_of(admin)), {field});
    }
    check(copilot.act(std::string(action.id), {{"fields", "url,title"}}, token_of(admin)), {"title", "url"});
    for (const auto* field : {"evidence", "acknowledged_by", "result", "requested_by", "parameters"}) {
      const auto refused = copilot.act(std::string(action.id), {{"fields", field}}, token_of(admin));
      CHECK(refused.status == 400);
      CHECK(pointer_of(refused) == "/parameters/fields");
    }
  }
}

TEST_CASE("Copilot's queries are filtered, bounded and say whether there is more") {
  Copilot copilot;
  copilot.add_finding("Another");
  const auto results = [&](const Json& parameters) {
    return World::json(copilot.act("query_advisor_findings", parameters, token_of(admin)));
  };
  const Json all = results(Json::object());
  CHECK(all["results"].size() == 2);
  CHECK(all["more"] == false);
  CHECK(all["results"][0]["subtitle"] == "high, security, open");
  CHECK(all["results"][0]["url"] ==
        "http://rollcall.test/api/v1/findings/" + all["results"][0]["finding_id"].get<std::string>());
  const Json one = results({{"limit", 1}});
  CHECK(one["results"].size() == 1);
  CHECK(one["more"] == true);
  CHECK(results({{"pillar", "cost"}})["results"].empty());
  CHECK(results({{"severity", "high"}, {"pillar", "security"}})["results"].size() == 2);
  CHECK(results({{"state", "resolved"}})["results"].empty());
  // What others administer is not theirs to see.
  CHECK(World::json(copilot.act("query_advisor_findings", Json::object(), token_of(stranger)))["results"]
            .empty());
  // Jobs, unless the calls of agents are asked for: then the caller's own.
  const std::string run = copilot.add_run();
  const Json jobs = World::json(copilot.act("query_ops_runs", Json::object(), token_of(admin)));
  REQUIRE(jobs["results"].size() == 1);
  CHECK(jobs["results"][0]["job_id"] == run);
  CHECK(jobs["results"][0]["title"] == "member-sync sync-members");
  CHECK(jobs["results"][0]["error_code"] == "run_too_old");
  const Json calls =
      World::json(copilot.areas.get(actions + "/query_ops_runs?kind=call&limit=50", token_of(admin)));
  CHECK(calls["results"].size() == 7);
  CHECK(calls["results"][0]["state"] == "pending");  // this one
  CHECK(calls["results"][1]["worker"] == "copilot");
}

TEST_CASE("Copilot's actions do what the interface's own operations do, and once") {
  Copilot copilot;
  const auto scan = [&](const http_server::Headers& headers) {
    return copilot.areas.ask("POST", actions + "/trigger_advisor_scan", token_of(admin),
                             {{"organization_id", copilot.organization.to_string()}}, headers);
  };
  const auto first = scan({{"Idempotency-Key", "k1"}}), again = scan({{"Idempotency-Key", "k1"}});
  CHECK(first.status == 202);
  const Json job = World::json(first);
  CHECK(members_of(job) == std::set<std::string>{"job_id", "state", "url"});
  CHECK(World::json(again)["job_id"] == job["job_id"]);
  const auto row =
      copilot.areas.world.database.query("SELECT worker, caller_identity FROM ops.runs WHERE kind = 'job'");
  REQUIRE(row.size() == 1);
  CHECK(row[0].text(0) == "advisor-scan");
  CHECK(row[0].text(1) == entra::tenant + "/" + admin);
  CHECK(copilot.act("trigger_advisor_scan", Json::object(), token_of(admin)).status == 403);
  CHECK(copilot.areas.ask("POST", actions + "/trigger_advisor_scan", operator_token()).status == 202);

  const auto acknowledged = copilot.act(
      "acknowledge_finding", {{"finding_id", copilot.finding}, {"why", "We are at it"}}, token_of(admin));
  CHECK(acknowledged.status == 200);
  CHECK(World::json(acknowledged) ==
        Json({{"finding_id", copilot.finding},
              {"title", "Nobody owns the group"},
              {"state", "acknowledged"},
              {"until", nullptr},
              {"url", "http://rollcall.test/api/v1/findings/" + copilot.finding}}));
  const auto dismissed =
      copilot.areas.ask("POST", actions + "/acknowledge_finding", token_of(admin),
                        {{"finding_id", copilot.finding}, {"why", "So be it"}, {"decision", "dismiss"}});
  CHECK(World::json(dismissed)["state"] == "dismissed");
  CHECK(code_of(copilot.act("acknowledge_finding", {{"finding_id", copilot.finding}, {"why", "Mine"}},
                            token_of(stranger))) == "finding_not_found");
}

TEST_CASE("A call of Copilot's stands in ops.runs before anything happens") {
  Copilot copilot;
  // What another session can see was committed; without it the finding cannot be changed.
  copilot.areas.world.database.transact([](postgres::Transaction& transaction) {
    transaction.script(
        "CREATE FUNCTION front.demand_call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT EXISTS "
        "(SELECT FROM ops.runs WHERE kind = 'call' AND state = 'pending' AND operation = "
        "'acknowledge_finding') THEN RAISE 'no call is on record'; END IF; RETURN NEW; END $$; CREATE "
        "TRIGGER "
        "demand_call BEFORE UPDATE ON advisor.findings FOR EACH ROW EXECUTE FUNCTION front.demand_call()");
  });
  const Json parameters = {{"finding_id", copilot.finding}, {"why", "We are at it"}};
  CHECK(copilot.areas
            .ask("POST", "/api/v1/findings/" + copilot.finding + "/acknowledge", token_of(admin),
                 {{"why", "by hand"}})
            .status == 500);
  CHECK(copilot.act("acknowledge_finding", parameters, token_of(admin)).status == 200);
  CHECK(copilot.calls() ==
        std::vector<std::string>{"acknowledge_finding succeeded - " + entra::tenant + "/" + admin});
  const auto hash = [&] {
    return copilot.areas.world.database
        .query("SELECT parameters_hash FROM ops.runs WHERE kind = 'call' ORDER BY created_at DESC LIMIT 1")[0]
        .text(0);
  };
  const std::string before = hash();
  CHECK(before.size() == 64);
  // Another text of the caller's own does not show, another finding does.
  copilot.act("acknowledge_finding", {{"finding_id", copilot.finding}, {"why", "alice said so"}},
              token_of(admin));
  CHECK(hash() == before);
  copilot.act("acknowledge_finding",
              {{"finding_id", copilot.add_finding("Another")}, {"why", "We are at it"}}, token_of(admin));
  CHECK(hash() != before);
}

TEST_CASE("A call of Copilot's that cannot be put on record is not performed") {
  std::atomic<int> performed = 0;
  Operation list{.method = "GET", .path = "/list", .id = "list_jobs", .query = {{.name = "limit"}}};
  postgres::Options options;
  options.url = "postgresql://127.0.0.1:1/none";
  postgres::Database away(options);
  kafka::Producer producer(nowhere());
  std::optional<runs::OutboxPublisher> outbox;
  std::optional<Parts> parts;
  World world(migrated_database(), [&](World& made) {
    outbox.emplace(made.database, producer);
    parts.emplace(Parts{made.database, *outbox, made.pool, made.clock, entra::tenant});
    parts->components = &made.components;
    const Routes operations{{list, [&](const Call&) {
                               ++performed;
                               return json_answer(200, {{"value", Json::array()}});
                             }}};
    return copilot_routes(
        *parts,
        {Operations(operations, {}, {made.database, made.components, made.pool, made.clock}),
         CallLedger({away, *outbox, made.pool, made.clock, made.metrics, entra::tenant, "front/test"})});
  });
  const auto answer = world.ask({.target = actions + "/query_ops_runs", .token = token_of(admin)});
  CHECK(answer.status == 503);
  CHECK(code_of(answer) == "database_unavailable");
  CHECK_FALSE(World::header(answer, "Retry-After").empty());
  CHECK(performed == 0);
}

TEST_CASE("Copilot's caller is who the token says; a body that says another is refused") {
  Copilot copilot;
  const auto as = [&](const Json& said) {
    return copilot.areas.ask("POST", actions, token_of(admin, {{"upn", "ada.l@contoso.example"}}),
                             {{"operation", "query_ops_runs"}, {"caller_identity", said}});
  };
  for (const auto& said : {std::string("ada@contoso.example"), std::string("Ada@Contoso.example"),
                           std::string("ada.l@contoso.example"), entra::tenant + "/" + admin})
    CHECK(as(said).status == 200);
  for (const auto& said : {std::string("bob@contoso.example"), std::string(), std::string("ada"), admin,
                           entra::tenant + "/" + member, std::string("Ada Lovelace")}) {
    const auto refused = as(said);
    CHECK(refused.status == 403);
    CHECK(code_of(refused) == "caller_identity_mismatch");
  }
  // Saying so makes nobody somebody else.
  const auto row =
      copilot.areas.world.database.query("SELECT DISTINCT caller_identity FROM ops.runs WHERE kind = 'call'");
  REQUIRE(row.size() == 1);
  CHECK(row[0].text(0) == entra::tenant + "/" + admin);
}

TEST_CASE("A refused call of Copilot's is on record with its reason, and in the audit trail") {
  Copilot copilot;
  const std::string who = entra::tenant + "/" + admin;
  copilot.act("drop_everything", {{"name", "alice"}}, token_of(admin));
  copilot.act("query_ops_runs", {{"limit", 51}}, token_of(admin));
  copilot.act("query_ops_runs", {{"alice@contoso.example", 1}}, token_of(admin));
  copilot.areas.get(actions + "/query_ops_runs?limit=51", token_of(admin));
  copilot.areas.ask("POST", actions + "/acknowledge_finding", token_of(admin), {{"why", 7}});
  copilot.areas.ask("POST", actions, token_of(admin), {{"operations", "query_ops_runs"}});
  copilot.act("trigger_advisor_scan", Json::object(), token_of(admin));
  copilot.act("query_ops_runs", Json::object(), "");
  copilot.areas.get(actions + "/query_ops_runs", "no.real.token");
  copilot.areas.get(actions + "/query_ops_runs", entra::token(entra::claims_app()));
  CHECK(copilot.calls() == std::vector<std::string>{
                               "unknown failed action_unknown " + who,
                               "query_ops_runs failed schema_violation " + who,
                               "query_ops_runs failed schema_violation " + who,
                               "query_ops_runs failed query_invalid " + who,
                               "acknowledge_finding failed schema_violation " + who,
                               "unknown failed schema_violation " + who,
                               "trigger_advisor_scan failed role_missing " + who,
                               "unknown failed token_missing anonymous",
                               "query_ops_runs failed token_invalid anonymous",
                               "query_ops_runs failed token_invalid anonymous",
                           });
  std::vector<std::string> codes;
  for (const auto& event : copilot.areas.stored("rollcall.audit")) {
    CHECK(event["action"] == "agent_call");
    codes.push_back(event["detail"]["code"]);
    CHECK(event.dump().find("alice") == std::string::npos);
  }
  CHECK(codes.size() == 10);
  CHECK(copilot.areas.world.database.query("SELECT FROM ops.runs r WHERE r::text LIKE '%alice%'").empty());
}

TEST_CASE("Tokens for Copilot's application, brought by Copilot, open its actions and nothing else") {
  Copilot copilot;
  const auto token = [](const Json& changes) {
    Json all = {{"aud", entra::copilot_app}};
    all.merge_patch(changes);
    return token_of(admin, all);
  };
  const auto status = [&](const std::string& target, const Json& changes) {
    return copilot.areas.get(target, token(changes)).status;
  };
  const std::string action = actions + "/query_ops_runs", elsewhere = "/api/v1/jobs";
  CHECK(status(action, Json::object()) == 200);
  CHECK(status(action, {{"aud", "api://" + entra::copilot_app}}) == 200);
  CHECK(status(action, {{"azp", entra::copilot_app}}) == 200);
  CHECK(status(action, {{"azp", entra::client}}) == 401);
  CHECK(status(action, {{"aud", entra::copilot_app + "0"}}) == 401);
  CHECK(status(action, {{"tid", entra::client}}) == 401);
  CHECK(status(elsewhere, Json::object()) == 401);
  CHECK(status(elsewhere, {{"aud", entra::client}}) == 200);
  CHECK(status(action, {{"aud", entra::client}}) == 200);
}
