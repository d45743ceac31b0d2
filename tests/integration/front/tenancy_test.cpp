#include "tests/integration/front/areas.h"

#include <algorithm>
#include <map>
#include <set>

/// Nobody gets at what is another's: asked of every operation there is, by the table that the router is made
/// from. A new operation has to say here what stands in its path and body, or this fails.
using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

/// Stands in every row that is not the caller's, and in no request.
const std::string secret = "for-their-eyes-only";
const std::string other_person = "99999999-0000-4000-8000-0000000000d4";

/// Operations that anyone may call, and why that gives nothing away.
const std::map<std::string, std::string> open_to_all = {
    {"get_openapi", "says what there is, not what it holds"},
    {"get_openapi_for_copilot", "likewise"},
    {"receive_graph_notifications", "takes, and tells nothing"},
    {"show_connect_page", "shows what the link's own secret names, and nobody's name"},
    {"finish_connecting",
     "does nothing without the browser's sealed cookie and Entra ID's word for the person"},
    {"cancel_connecting", "a page that says the same to everyone"},
};

/// Operations about what is the caller's own, whoever calls: there is nothing of another's to be refused.
const std::map<std::string, int> own = {
    {"connect", 404},  // there is no vault here
    {"disconnect", 200},
};

/// Copilot's actions name in their bodies what others name in their paths.
const std::map<std::string, int> named_in_body = {
    {"trigger_advisor_scan", 404},
    {"acknowledge_finding", 404},
};

/// Bodies that would be served if the caller were the right one.
const std::map<std::string, Json> bodies = {
    {"NewOrganization", {{"name", "New"}}},
    {"OrganizationChange", {{"name", "Changed"}}},
    {"Roster", {{"members", Json::array()}}},
    {"RosterMemberChange", {{"role", "admin"}}},
    {"FindingDecision", {{"why", "because"}}},
    {"PauseNote", {{"note", "because"}}},
    {"ScheduleTrigger", Json::object()},
    {"DeadLetterReplayRequest", {{"letters", {"rollcall.audit.dead:0:0"}}}},
    {"MicrosoftLinkGroup", {{"group_id", "5f9d0a11-0000-4000-8000-000000000001"}}},
    {"MicrosoftCreateGroup", {{"display_name", "New"}}},
    {"MicrosoftAddMember", {{"member_id", other_person}}},
    {"MicrosoftSyncMembers", Json::object()},
    {"GraphNotifications", {{"value", Json::array()}}},
    {"ConnectionRequest", {{"connector", "mail"}}},
    {"CopilotAction", {{"operation", "query_advisor_findings"}}},
    {"JobApproval", {{"digest", "0123456789abcdef"}}},
};

struct Theirs {
  Areas areas;
  Uuid organization = areas.world.add_organization("Contoso " + secret);
  std::map<std::string, std::string> in_path;
  std::map<std::string, Json> all_bodies = bodies;

  Theirs() {
    auto& database = areas.world.database;
    const auto id = postgres::value(organization);
    const auto tenant = postgres::value(entra::tenant);
    const auto secret_text = postgres::value(secret);
    // Whoever asks administers another organization of the same tenant.
    database.execute(
        "WITH o AS (INSERT INTO directory.organizations (tenant_id, name) VALUES ($1, 'Other') RETURNING id) "
        "INSERT INTO directory.members (organization_id, email, role, object_id) SELECT id, "
        "'o@other.example', "
        "'admin', $2::uuid FROM o",
        {tenant, postgres::value(other_person)});
    database.execute(
        "INSERT INTO directory.members (organization_id, email, display_name) VALUES ($1::uuid, "
        "'person@contoso.example', $2)",
        {id, secret_text});
    database.execute(
        "UPDATE directory.organizations SET microsoft_group = gen_random_uuid() WHERE id = $1::uuid", {id});
    const auto finding =
        database
            .query(
                "INSERT INTO advisor.findings (tenant_id, organization_id, rule, pillar, severity, title) "
                "VALUES ($1, $2::uuid, 'rule', 'security', 'high', $3) RETURNING id",
                {tenant, id, secret_text})[0]
            .text(0);
    database.execute(
        "INSERT INTO vault.grants (tenant_id, person, connector, state, scopes, client_id, key_id, sealed) "
        "VALUES "
        "($1, $2::uuid, 'mail', 'connected', ARRAY[$3], 'client', 'k1', $3)",
        {tenant, postgres::value(admin), secret_text});
    const auto run =
        database
            .query(
                "INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, result, "
                "caller_identity, finished_at) VALUES (gen_random_uuid(), $1, $2::uuid, 'member-sync', "
                "'sync-members', 'failed', jsonb_build_object('text', $3::text), 'cli', now()) RETURNING id",
                {tenant, id, secret_text})[0]
            .text(0);
    database.execute("SELECT audit.ensure_partition('2025-12-31')");
    database.execute(
        "INSERT INTO audit.events (event_id, occurred_at, tenant_id, organization_id, actor, action) VALUES "
        "(gen_random_uuid(), '2025-12-31T23:00:00Z', $1, $2::uuid, 'cli', $3)",
        {tenant, id, secret_text});
    database.execute(
        "INSERT INTO ops.schedules (name, worker, operation, interval_seconds, next_due_at, pause_note) "
        "VALUES "
        "('nightly', 'member-sync', 'sync-members', 900, now(), $1)",
        {secret_text});
    in_path = {{"organization", organization.to_string()},
               {"email", "person%40contoso.example"},
               {"finding", finding},
               {"job", run},
               {"schedule", "nightly"},
               {"worker", "member-sync"},
               {"topic", "rollcall.audit"},
               {"letter", "0:0"},
               {"member", admin},
               {"connector", "mail"},
               {"memberId", admin}};
    all_bodies["CopilotScan"] = {{"organization_id", organization.to_string()}};
    all_bodies["CopilotAcknowledgement"] = {{"finding_id", finding}, {"why", "because"}};
  }

  Asking request(const Operation& operation) {
    Asking asking{operation.method, "", "", "", {}};
    std::string_view path = operation.path;
    while (!path.empty()) {
      const auto open = path.find('{');
      asking.target += path.substr(0, open);
      if (open == std::string_view::npos) break;
      const auto close = path.find('}', open);
      const std::string name(path.substr(open + 1, close - open - 1));
      INFO("What would stand for {" << name << "}? Say so in `in_path`, with a row that is theirs.");
      REQUIRE(in_path.contains(name));
      asking.target += in_path.at(name);
      path.remove_prefix(close + 1);
    }
    if (!operation.body.empty()) {
      INFO("What would a good body of " << operation.body << " be? Say so in `bodies`.");
      REQUIRE(all_bodies.contains(operation.body));
      asking.body = dump(all_bodies.at(operation.body));
    }
    return asking;
  }

  Response ask(Asking asking, const std::string& token) {
    asking.token = token;
    return areas.world.ask(std::move(asking));
  }

  /// Calls of agents are on record, whoever makes them: their rows, and what the audit trail is told of them.
  void forget_calls() {
    for (const auto& event : areas.audited())
      REQUIRE(event == "agent_call");
    REQUIRE(areas.world.database.execute("DELETE FROM ops.runs WHERE kind = 'call'") > 0);
    for (const auto* table : {"ops.outbox", "audit.expected"})
      areas.world.database.execute(std::string("DELETE FROM ") + table);
  }

  /// Every table: how many rows, and a digest of them.
  std::map<std::string, std::string> everything() {
    std::map<std::string, std::string> tables;
    auto& database = areas.world.database;
    for (const auto& row : database.query("SELECT quote_ident(table_schema) || '.' || "
                                          "quote_ident(table_name) FROM information_schema.tables "
                                          "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN "
                                          "('pg_catalog', 'information_schema')")) {
      const auto one = database.query(
          "SELECT count(*), md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM " +
          row.text(0) + " t")[0];
      tables[row.text(0)] = one.text(0) + " " + one.text(1);
    }
    return tables;
  }
};

/// What a refusal must look like to a caller who is known, but has no business here.
int expected_status(const Operation& operation) {
  switch (operation.access) {
    case Access::organization_member:
    case Access::organization_admin:
      return 404;  // as if it did not exist
    case Access::operator_only:
      return 403;
    case Access::anyone:
    case Access::signed_in:
      break;
  }
  return operation.path.find('{') == std::string::npos ? 200 : 404;
}

}  // namespace

TEST_CASE("No operation shows or changes what is another's") {
  Theirs theirs;
  const auto before = theirs.everything();
  REQUIRE(before.size() > 20);
  const std::string foreign_tenant = "11111111-0000-4000-8000-00000000f0f0";
  const std::vector<std::string> not_let_in = {
      "", "no.real.token", token_of(admin, {{"tid", foreign_tenant}}),
      token_of(admin, {{"tid", foreign_tenant}, {"roles", {"Rollcall.Admin"}}})};
  for (const auto& route : theirs.areas.routes()) {
    const Operation& operation = route.operation;
    INFO(operation.method << " " << operation.path);
    const auto asking = theirs.request(operation);
    const bool open = operation.access == Access::anyone;
    if (open) {
      INFO("An operation that anyone may call has to say in `open_to_all` why that is safe.");
      REQUIRE(open_to_all.contains(operation.id));
    }
    for (const auto& token : not_let_in) {
      const auto answer = theirs.ask(asking, token);
      if (!open) CHECK(answer.status == 401);
      CHECK(answer.body.find(secret) == std::string::npos);
    }
    const auto answer = theirs.ask(asking, token_of(other_person));
    CHECK(answer.body.find(secret) == std::string::npos);
    if (!open) {
      // What streams or takes something in without a place of its own is judged by what it shows and changes.
      const bool list = operation.method == "GET" && expected_status(operation) == 200;
      int expected = expected_status(operation);
      for (const auto* exceptions : {&own, &named_in_body})
        if (const auto found = exceptions->find(operation.id); found != exceptions->end())
          expected = found->second;
      if (!list) CHECK(answer.status == expected);
      if (list) CHECK((answer.status == 200 || answer.status == 503));
    }
  }
  theirs.forget_calls();
  CHECK(theirs.everything() == before);
}

TEST_CASE("The same requests do show it to whom it belongs") {
  Theirs theirs;
  std::set<std::string> shown;
  for (const auto& route : theirs.areas.routes()) {
    const Operation& operation = route.operation;
    if (operation.method != "GET" || !route.handle) continue;
    for (const auto& token : {token_of(admin), operator_token()})
      if (theirs.ask(theirs.request(operation), token).body.find(secret) != std::string::npos)
        shown.insert(operation.id);
  }
  for (const char* id : {"list_organizations", "get_organization", "list_roster", "list_audit",
                         "list_findings", "list_schedules", "get_schedule", "list_connections"}) {
    INFO(id);
    CHECK(shown.contains(id));
  }
}
