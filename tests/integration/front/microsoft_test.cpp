#include "common/schema/validator.h"
#include "tests/integration/front/microsoft_world.h"
#include "tests/support/catch.h"
#include "workers/front/core/cursor.h"

#include <set>

/// The acceptance criteria of the Microsoft integration, each by its name: what the endpoints do. Its
/// business rules that hold for all of them are in microsoft_rules_test.cpp; what happens when Microsoft 365
/// fails or changes under us in microsoft_faults_test.cpp.
using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

std::set<std::string> ids_of(const Json& members) {
  std::set<std::string> ids;
  for (const auto& member : members)
    ids.insert(member.at("id").get<std::string>());
  return ids;
}

/// What the page says of itself matches what the document promises.
void check_shape(const MicrosoftWorld& w, const std::string& component, const Response& response) {
  const auto wrong = w.world.components.mistakes(component, Json::parse(response.body));
  INFO(component << ": " << (wrong.empty() ? "" : wrong[0].pointer + " " + wrong[0].what));
  CHECK(wrong.empty());
}

}  // namespace

TEST_CASE("Acceptance: an admin links an existing group to the organization by its id") {
  MicrosoftWorld w;
  const auto response = w.link(Tenant::group(1));
  REQUIRE(response.status == 200);
  check_shape(w, "MicrosoftGroup", response);
  CHECK(World::json(response)["display_name"] == "Board");
  CHECK(w.linked() == Tenant::group(1));
  CHECK(w.actions() == std::vector<std::string>{"group_linked"});
  CHECK(w.audited()[0]["actor"] == std::string(entra::tenant) + "/" + admin);
  CHECK(w.link(Tenant::group(1)).status == 200);  // again: nothing more is done
  CHECK(w.actions().size() == 1);
}

TEST_CASE("Only a group whose members can be changed through Graph is linked") {
  MicrosoftWorld w;
  const std::vector<std::pair<Uuid, std::string>> cases = {
      {Tenant::group(3), "group_dynamic"},
      {Tenant::group(4), "group_on_premises"},
      {Tenant::group(5), "group_mail_enabled_security"},
      {Tenant::group(99), "group_not_found"},
  };
  for (const auto& [group, code] : cases) {
    const auto response = w.link(group);
    CHECK(response.status == 422);
    CHECK(code_of(response) == code);
    CHECK_FALSE(cure_of(response).empty());
  }
  CHECK(code_of(w.ask("POST", "link-group", {{"group_id", "no-guid"}})) == "schema_violation");
  CHECK_FALSE(w.linked());
  CHECK(w.link(Tenant::group(2)).status == 200);  // a plain security group
}

TEST_CASE("Acceptance: an admin creates a new group, which is linked") {
  MicrosoftWorld w;
  const auto response =
      w.ask("POST", "create-group", {{"display_name", "Contoso: Board & Staff"}, {"description", "All"}});
  REQUIRE(response.status == 201);
  check_shape(w, "MicrosoftGroup", response);
  const Json group = World::json(response);
  CHECK(group["display_name"] == "Contoso: Board & Staff");
  CHECK(group["mail_nickname"].get<std::string>().starts_with("Contoso-Board-Staff-"));
  CHECK(World::header(response, "Location") == "http://rollcall.test" + w.target("group"));
  CHECK(w.linked()->to_string() == group["id"]);
  CHECK(w.actions() == std::vector<std::string>{"group_created", "group_linked"});
}

TEST_CASE("Rule: a new group is private and security-enabled, with mail, and has owners") {
  MicrosoftWorld w;
  const auto response = w.ask("POST", "create-group", {{"display_name", "Staff"}});
  REQUIRE(response.status == 201);
  const auto* made = sandbox_graph::find_group(w.tenant.state.directory, *w.linked());
  REQUIRE(made);
  CHECK(made->kind == sandbox_graph::GroupKind::microsoft365);  // mail-enabled
  CHECK(made->also_security);
  CHECK(made->visibility == "Private");
  CHECK(made->owners == std::vector<Uuid>{*Uuid::parse(admin)});  // who asked
}

TEST_CASE("Owners of a new group are named, or the person who asks") {
  MicrosoftWorld w;
  Json body = {{"display_name", "Staff"}, {"mail_nickname", "staff"}, {"owners", Json::array()}};
  CHECK(code_of(w.ask("POST", "create-group", body)) == "schema_violation");
  for (int i = 1; i <= 21; ++i)
    body["owners"].push_back(Tenant::user(i).to_string());
  CHECK(code_of(w.ask("POST", "create-group", body)) == "schema_violation");  // 20 links a request
  body["owners"] = {Tenant::numbered("00000009", 1).to_string()};
  const auto unknown = w.ask("POST", "create-group", body);
  CHECK(unknown.status == 422);
  CHECK(code_of(unknown) == "owner_not_found");
  const auto program = w.world.ask({.method = "POST",
                                    .target = w.target("create-group"),
                                    .token = entra::token(entra::claims_app()),
                                    .body = R"({"display_name":"Staff"})"});
  CHECK(program.status == 422);
  CHECK(code_of(program) == "owners_missing");
  CHECK_FALSE(w.linked());
  body["owners"] = {Tenant::user(1).to_string(), Tenant::user(2).to_string()};
  REQUIRE(w.ask("POST", "create-group", body).status == 201);
  const auto* made = sandbox_graph::find_group(w.tenant.state.directory, *w.linked());
  CHECK(made->owners == std::vector<Uuid>{Tenant::user(1), Tenant::user(2)});
  CHECK(made->mail_nickname == "staff");
}

TEST_CASE("A mail nickname that another group has is refused by its name") {
  MicrosoftWorld w;
  w.tenant.control(
      "seed", {{"groups", Json::array({{{"id", Tenant::group(7).to_string()}, {"mailNickname", "staff"}}})}});
  const auto response =
      w.ask("POST", "create-group", {{"display_name", "Staff"}, {"mail_nickname", "staff"}});
  CHECK(response.status == 409);
  CHECK(code_of(response) == "mail_nickname_taken");
  CHECK(w.ask("POST", "create-group", {{"display_name", "Staff"}}).status == 201);
}

TEST_CASE("Acceptance, rule: unlinking keeps the group in Microsoft 365") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.tenant.asked();
  CHECK(w.ask("DELETE", "unlink-group").status == 204);
  CHECK_FALSE(w.linked());
  CHECK(w.actions() == std::vector<std::string>{"group_unlinked"});
  CHECK(w.tenant.asked().empty());
  CHECK(w.tenant.has_member(Tenant::group(1), Tenant::user(1)));
  CHECK(w.ask("DELETE", "unlink-group").status == 204);  // again: nothing left to do
  CHECK(w.actions().size() == 1);
}

TEST_CASE("Acceptance: details of the linked group") {
  MicrosoftWorld w;
  CHECK(code_of(w.ask("GET", "group")) == "group_not_linked");
  w.linked(Tenant::group(1));
  const auto response = w.ask("GET", "group");
  REQUIRE(response.status == 200);
  check_shape(w, "MicrosoftGroup", response);
  const Json group = World::json(response);
  CHECK(group["display_name"] == "Board");
  CHECK(group["description"] == "Who decides.");
  CHECK(group["member_count"] == 3);
  CHECK(group["kind"] == "microsoft365");
}

TEST_CASE("Status: enabled, linked, group name, member count, last sync") {
  MicrosoftWorld w;
  const auto before = w.ask("GET", "status");
  REQUIRE(before.status == 200);
  check_shape(w, "MicrosoftStatus", before);
  CHECK(World::json(before)["enabled"] == true);
  CHECK(World::json(before)["linked"] == false);
  w.linked(Tenant::group(1));
  w.world.database.execute(
      "INSERT INTO sync.groups (organization_id, group_id, full_read_at, synced_at) VALUES ($1::uuid, "
      "$2::uuid, now(), '2026-11-20T08:00:00Z')",
      {postgres::value(w.organization), postgres::value(Tenant::group(1))});
  const auto after = w.ask("GET", "status");
  check_shape(w, "MicrosoftStatus", after);
  const Json status = World::json(after);
  CHECK(status["linked"] == true);
  CHECK(status["group_id"] == Tenant::group(1).to_string());
  CHECK(status["group_name"] == "Board");
  CHECK(status["member_count"] == 3);
  CHECK(status["group_state"] == "active");
  CHECK(status["last_sync_at"] == "2026-11-20T08:00:00.000Z");
  CHECK(status["problem"].is_null());
}

TEST_CASE("Acceptance: the members of the group, page by page") {
  MicrosoftWorld w({}, 7);
  w.linked(Tenant::group(1));
  std::set<std::string> seen;
  std::string target = w.target("group/members?limit=3");
  int pages = 0;
  for (; !target.empty() && pages < 9; ++pages) {
    const auto response = w.world.ask({.target = target, .token = token_of(admin)});
    REQUIRE(response.status == 200);
    check_shape(w, "MicrosoftMemberPage", response);
    const Json page = World::json(response);
    CHECK(page["value"].size() <= 3);
    for (const auto& id : ids_of(page["value"]))
      CHECK(seen.insert(id).second);
    target = page.value("nextLink", std::string());
    if (!target.empty()) target = target.substr(std::string("http://rollcall.test").size());
  }
  CHECK(pages == 3);
  CHECK(seen.size() == 7);
  CHECK(seen.contains(Tenant::user(7).to_string()));
  const Json first = World::json(w.ask("GET", "group/members"))["value"][0];
  CHECK(first["type"] == "user");
  CHECK_FALSE(first["user_principal_name"].get<std::string>().empty());
}

TEST_CASE("A cursor leads to the members of this group and nowhere else") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const std::string list = "members of " + Tenant::group(1).to_string();
  w.tenant.asked();
  for (const auto& position : {std::string("\r\nHost: evil.example"), std::string("x#y"), std::string("a b"),
                               std::string(4000, 'x')}) {
    const auto response = w.ask("GET", "group/members?cursor=" + write_cursor(list, position));
    INFO(position.substr(0, 40));
    CHECK(response.status == 400);
  }
  CHECK(w.tenant.asked().empty());
  w.ask("GET", "group/members?cursor=" + write_cursor(list, "https://evil.example/v1.0/users?$skiptoken=1"));
  for (const auto& asked : w.tenant.asked())  // whatever it says, it is a page of these members
    CHECK(asked == "GET /groups/" + Tenant::group(1).to_string() + "/members");
  // Another group's cursor, or another list's.
  const auto other =
      write_cursor("members of " + Tenant::group(2).to_string(), "$top=1&$skiptoken=RFNwdAIAAQ1");
  CHECK(code_of(w.ask("GET", "group/members?cursor=" + other)) == "cursor_invalid");
  // One that Graph no longer takes.
  const auto expired = write_cursor(list, "$top=1&$skiptoken=expired");
  CHECK(code_of(w.ask("GET", "group/members?cursor=" + expired)) == "cursor_invalid");
}

TEST_CASE("Acceptance: an admin adds a member") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const auto response = w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  REQUIRE(response.status == 201);
  check_shape(w, "MicrosoftMemberAdded", response);
  CHECK(World::json(response)["already_member"] == false);
  CHECK(w.tenant.has_member(Tenant::group(1), Tenant::user(9)));
  const auto events = w.audited();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["action"] == "member_added");
  CHECK(events[0]["member_object_id"] == Tenant::user(9).to_string());
  CHECK(events[0]["group_id"] == Tenant::group(1).to_string());
  CHECK_FALSE(events[0]["graph_request_id"].get<std::string>().empty());
  CHECK_FALSE(schema::Validator().check("rollcall.audit-event.v1", events[0]));
  const auto again = w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  CHECK(again.status == 200);
  CHECK(World::json(again)["already_member"] == true);
  CHECK(w.audited().size() == 1);
}

TEST_CASE("A member is named by object id or by address") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const auto by_address = w.ask("POST", "group/members", {{"email", "Admin@Contoso.example"}});
  CHECK(by_address.status == 201);
  CHECK(World::json(by_address)["id"] == admin);
  CHECK(code_of(w.ask("POST", "group/members", {{"email", "nobody@contoso.example"}})) ==
        "address_not_found");
  CHECK(code_of(w.ask("POST", "group/members",
                      {{"member_id", Tenant::numbered("00000009", 1).to_string()}})) == "member_not_found");
  // A group does not go into a Microsoft 365 group.
  const auto nested = w.ask("POST", "group/members", {{"member_id", Tenant::group(2).to_string()}});
  CHECK(nested.status == 422);
  CHECK(code_of(nested) == "member_type_not_allowed");
  for (const Json& body :
       {Json::object(), Json{{"email", "a@b"}, {"member_id", admin}}, Json{{"email", "no address"}},
        Json{{"member_id", "no-guid"}}, Json{{"member", admin}}})
    CHECK(code_of(w.ask("POST", "group/members", body)) == "schema_violation");
}

TEST_CASE("Acceptance: an admin removes a member, whose account stays") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  CHECK(w.ask("DELETE", "group/members/" + Tenant::user(2).to_string()).status == 204);
  CHECK_FALSE(w.tenant.has_member(Tenant::group(1), Tenant::user(2)));
  CHECK(sandbox_graph::find_user(w.tenant.state.directory, Tenant::user(2)) != nullptr);
  CHECK(w.tenant.state.stats.users_removed == 0);
  CHECK(w.actions() == std::vector<std::string>{"member_removed"});
  for (const int nobody : {2, 3 + 10, 3 + 11}) {  // Graph says it in two ways
    const auto again = w.ask("DELETE", "group/members/" + Tenant::user(nobody).to_string());
    CHECK(again.status == 404);
    CHECK(code_of(again) == "not_a_member");
  }
  CHECK(w.actions().size() == 1);
  CHECK(code_of(w.ask("DELETE", "group/members/no-guid")) == "path_invalid");
}

TEST_CASE("What the API changed is believed by the next sync over a listing that lags behind") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  w.ask("DELETE", "group/members/" + Tenant::user(1).to_string());
  const auto rows = w.world.database.query(
      "SELECT object_id, present FROM sync.recent_writes WHERE organization_id = $1::uuid ORDER BY object_id",
      {postgres::value(w.organization)});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].uuid(0) == Tenant::user(1));
  CHECK_FALSE(rows[0].flag(1));
  CHECK(rows[1].uuid(0) == Tenant::user(9));
  CHECK(rows[1].flag(1));
}

TEST_CASE("Acceptance: a sync is accepted as a job") {
  MicrosoftWorld w;
  CHECK(code_of(w.ask("POST", "sync-members")) == "group_not_linked");
  w.linked(Tenant::group(1));
  const auto response = w.ask("POST", "sync-members");
  REQUIRE(response.status == 202);
  check_shape(w, "MicrosoftJob", response);
  const Json job = World::json(response);
  CHECK(job["state"] == "queued");
  const std::string location = "http://rollcall.test/api/v1/jobs/" + job["job_id"].get<std::string>();
  CHECK(World::header(response, "Operation-Location") == location);
  CHECK(World::header(response, "Location") == location);
  const auto runs = w.world.database.query(
      "SELECT worker, operation, caller_identity, organization_id, parameters FROM ops.runs WHERE id = "
      "$1::uuid",
      {postgres::value(job["job_id"].get<std::string>())});
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].text(0) == "member-sync");
  CHECK(runs[0].text(1) == "sync-members");
  CHECK(runs[0].text(2) == std::string(entra::tenant) + "/" + admin);
  CHECK(runs[0].uuid(3) == w.organization);
  CHECK(runs[0].json(4) == Json::object());
  // Equal, and not begun: one job for both.
  CHECK(World::json(w.ask("POST", "sync-members"))["job_id"] == job["job_id"]);
}

TEST_CASE("A sync can be a dry run, and the same request twice is one job") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const http_server::Headers key = {{"Idempotency-Key", "k-1"}};
  const auto first = w.ask("POST", "sync-members", {{"dry_run", true}}, key);
  const auto second = w.ask("POST", "sync-members", {{"dry_run", true}}, key);
  REQUIRE(first.status == 202);
  CHECK(first.body == second.body);
  const auto rows = w.world.database.query("SELECT parameters FROM ops.runs");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].json(0) == Json{{"dry_run", true}});
  CHECK(code_of(w.ask("POST", "sync-members", {{"dry_run", "yes"}})) == "schema_violation");
}
