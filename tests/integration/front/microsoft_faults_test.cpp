#include "tests/integration/front/microsoft_world.h"
#include "tests/support/catch.h"
#include "workers/front/adapters/member_changes.h"

/// What the Microsoft endpoints do when Microsoft 365 fails, refuses, or changes under us.
using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;
using fakes::FakeTransport;

namespace {

http_client::Response graph_error(int status, const std::string& code, http_client::Headers headers = {}) {
  return FakeTransport::answer(status, dump({{"error", {{"code", code}, {"message", "Refused."}}}}), headers);
}

std::string bearer(const http_client::Request& request) {
  for (const auto& [name, value] : request.headers)
    if (name == "Authorization") return value;
  return {};
}

/// Groups that Rollcall made and that are there.
int made_groups(const MicrosoftWorld& w) {
  int made = 0;
  for (const auto& [id, group] : w.tenant.state.directory.groups)
    made += !group.unique_name.empty() && !group.deleted_at ? 1 : 0;
  return made;
}

bool creates(const http_client::Request& request) {
  return request.method == "PATCH" && request.url.find("/groups(uniqueName=") != std::string::npos;
}

void delete_group(MicrosoftWorld& w, const Uuid& group) {
  REQUIRE(w.tenant.somebody("DELETE", "/groups/" + group.to_string()).status == 204);
}

/// Every operation on the linked group, and the code with which it refuses.
std::vector<std::string> refusals(MicrosoftWorld& w) {
  const std::string user = Tenant::user(1).to_string();
  std::vector<std::string> codes;
  for (const auto& response : {w.ask("GET", "group"), w.ask("GET", "group/members"),
                               w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}}),
                               w.ask("DELETE", "group/members/" + user)}) {
    CHECK(response.status == 404);
    CHECK_FALSE(cure_of(response).empty());
    codes.push_back(code_of(response));
  }
  return codes;
}

}  // namespace

TEST_CASE("Acceptance: a token that ended is renewed without anybody noticing") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  CHECK(w.ask("GET", "group").status == 200);
  w.tenant.control("expire-tokens", Json::object());
  CHECK(w.ask("GET", "group").status == 200);
  CHECK(w.tenant.tokens_given == 2);
}

TEST_CASE("Rule: 401 or 403 from Graph brings a fresh token and one retry") {
  const int status = GENERATE(401, 403);
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.tenant.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (bearer(request) != "Bearer graph-token-1") return std::nullopt;
    return graph_error(status, "Authorization_RequestDenied");
  };
  CHECK(w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}}).status == 201);
  CHECK(w.tenant.tokens_given == 2);
}

TEST_CASE(
    "Acceptance, rule: what Graph denies with a fresh token too is told with a cure, and tried no more") {
  const int status = GENERATE(401, 403);
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.tenant.instead = [&](const http_client::Request&) {
    return graph_error(status, "Authorization_RequestDenied");
  };
  const auto response = w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  CHECK(response.status == 502);
  CHECK(code_of(response) == "graph_not_permitted");
  CHECK(cure_of(response).find("GroupMember.ReadWrite.All") != std::string::npos);
  CHECK(w.tenant.asked().size() == 2);
  CHECK(w.tenant.tokens_given == 2);
  if (status != 403) return;
  // Denied again within a minute: the token is fresh still, and its endpoint is left alone.
  const auto create = w.ask("GET", "group");
  CHECK(World::json(create)["detail"].get<std::string>().find("Group.Read.All") != std::string::npos);
  CHECK(w.tenant.asked().size() == 1);
  CHECK(w.tenant.tokens_given == 2);
}

TEST_CASE("Acceptance: throttled or away is 503 with Retry-After") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  SECTION("throttled") {
    w.tenant.instead = [](const http_client::Request&) {
      return graph_error(429, "TooManyRequests", {{"Retry-After", "30"}});
    };
    const auto response = w.ask("GET", "group");
    CHECK(response.status == 503);
    CHECK(code_of(response) == "throttled");
    CHECK(std::stoi(World::header(response, "Retry-After")) >= 29);
  }
  SECTION("away") {
    w.tenant.instead = [](const http_client::Request&) { return FakeTransport::lost(true); };
    const auto response = w.ask("GET", "group");
    CHECK(response.status == 503);
    CHECK(code_of(response) == "graph_unavailable");
    CHECK(std::stoi(World::header(response, "Retry-After")) >= 1);
  }
}

TEST_CASE("The status answers without Graph too, with what the last sync saw and what is wrong") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.world.database.execute(
      "INSERT INTO sync.groups (organization_id, group_id, display_name, member_count, full_read_at) VALUES "
      "($1::uuid, $2::uuid, 'As it was', 5, now())",
      {postgres::value(w.organization), postgres::value(Tenant::group(1))});
  w.tenant.instead = [](const http_client::Request&) {
    return graph_error(429, "TooManyRequests", {{"Retry-After", "30"}});
  };
  const auto response = w.ask("GET", "status");
  REQUIRE(response.status == 200);
  const Json status = World::json(response);
  CHECK(status["group_state"] == "unknown");
  CHECK(status["group_name"] == "As it was");
  CHECK(status["member_count"] == 5);
  CHECK(status["problem"]["code"] == "throttled");
  CHECK(w.linked() == Tenant::group(1));
}

TEST_CASE("A group deleted outside that can be restored is reported, and its reference kept") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  delete_group(w, Tenant::group(1));
  CHECK(refusals(w) == std::vector<std::string>(4, "group_deleted"));
  const Json status = World::json(w.ask("GET", "status"));
  CHECK(status["linked"] == true);
  CHECK(status["group_state"] == "deleted");
  CHECK(status["restorable_until"].get<std::string>().ends_with("Z"));
  CHECK(status["problem"]["code"] == "group_deleted");
  CHECK(w.linked() == Tenant::group(1));
  CHECK(w.actions().empty());
  w.tenant.somebody("POST", "/directory/deletedItems/" + Tenant::group(1).to_string() + "/restore");
  CHECK(w.ask("GET", "group").status == 200);
}

TEST_CASE("A group that is gone for good loses its reference, with an audit event") {
  MicrosoftWorld w;
  w.linked(Tenant::group(2));
  delete_group(w, Tenant::group(2));  // a security group: not kept
  SECTION("told by an operation") {
    const auto response = w.ask("GET", "group");
    CHECK(response.status == 404);
    CHECK(code_of(response) == "group_gone");
  }
  SECTION("told by the status") {
    const Json status = World::json(w.ask("GET", "status"));
    CHECK(status["linked"] == false);
    CHECK(status["group_state"] == "gone");
    CHECK(status["problem"]["code"] == "group_gone");
  }
  CHECK_FALSE(w.linked());
  const auto events = w.audited();
  REQUIRE(events.size() == 1);
  CHECK(events[0]["action"] == "group_unlinked");
  CHECK(events[0]["group_id"] == Tenant::group(2).to_string());
  CHECK(events[0]["detail"]["reason"] == "group_gone");
  CHECK(code_of(w.ask("GET", "group")) == "group_not_linked");
}

TEST_CASE("A reference is kept where it cannot be told that the group is gone") {
  MicrosoftWorld w;
  w.linked(Tenant::group(2));
  delete_group(w, Tenant::group(2));
  const std::string deleted_items = "/directory/deletedItems/";
  SECTION("the link is so young that the group may be unknown to a replica") {
    w.world.database.execute("UPDATE directory.organizations SET updated_at = now()");
    CHECK(refusals(w) == std::vector<std::string>(4, "group_not_found"));
  }
  SECTION("the app may not look among what was deleted") {
    w.tenant.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
      if (request.url.find(deleted_items) == std::string::npos) return std::nullopt;
      return graph_error(403, "Authorization_RequestDenied");
    };
    const auto response = w.ask("GET", "group");
    CHECK(response.status == 502);
    CHECK(World::json(response)["detail"].get<std::string>().find("Group.Read.All") != std::string::npos);
  }
  SECTION("the second look finds it") {
    int looks = 0;
    w.tenant.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
      if (request.url.find(deleted_items) == std::string::npos || ++looks < 2) return std::nullopt;
      return FakeTransport::answer(200, R"({"deletedDateTime":"2026-11-01T00:00:00Z"})");
    };
    const auto response = w.ask("GET", "group");
    CHECK(code_of(response) == "group_deleted");
    CHECK(World::json(response)["detail"].get<std::string>().find("2026-12-01") != std::string::npos);
  }
  CHECK(w.linked() == Tenant::group(2));
  CHECK(w.actions().empty());
}

TEST_CASE("A creation whose answer is lost makes one group") {
  MicrosoftWorld w;
  int sent = 0;
  w.tenant.lose = [&](const http_client::Request& request) { return creates(request) && ++sent == 1; };
  REQUIRE(w.ask("POST", "create-group", {{"display_name", "Staff"}}).status == 201);
  CHECK(sent == 2);
  CHECK(made_groups(w) == 1);
  CHECK(sandbox_graph::find_group(w.tenant.state.directory, *w.linked()));
}

TEST_CASE("A creation that was never heard of is taken up by the next one, key or not") {
  MicrosoftWorld w;
  w.tenant.lose = creates;
  const auto unknown = w.ask("POST", "create-group", {{"display_name", "Staff"}});
  CHECK(unknown.status == 503);
  CHECK_FALSE(World::header(unknown, "Retry-After").empty());
  CHECK(made_groups(w) == 1);
  CHECK_FALSE(w.linked());
  w.tenant.lose = nullptr;
  const auto again = w.ask("POST", "create-group", {{"display_name", "Staff"}});
  REQUIRE(again.status == 201);
  CHECK(made_groups(w) == 1);
  CHECK(w.linked()->to_string() == World::json(again)["id"]);
  // That intention is done with: after an unlink, a creation is a new one.
  w.ask("DELETE", "unlink-group");
  REQUIRE(w.ask("POST", "create-group", {{"display_name", "Staff"}}).status == 201);
  CHECK(made_groups(w) == 2);
}

TEST_CASE("A creation that ended unheard is answered when its request comes again") {
  MicrosoftWorld w;
  const http_server::Headers key = {{"Idempotency-Key", "make-1"}};
  const auto first = w.ask("POST", "create-group", {{"display_name", "Staff"}}, key);
  REQUIRE(first.status == 201);
  // The front died before it kept the answer.
  w.world.database.execute(
      "UPDATE front.idempotency_keys SET status = NULL, headers = NULL, body = NULL, locked_until = now() - "
      "interval '1 second'");
  const auto again = w.ask("POST", "create-group", {{"display_name", "Staff"}}, key);
  CHECK(again.status == 201);
  CHECK(World::json(again)["id"] == World::json(first)["id"]);
  CHECK(made_groups(w) == 1);
}

TEST_CASE("One creation at a time for an organization") {
  MicrosoftWorld w;
  std::optional<Response> second;
  w.tenant.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (creates(request) && !second) second = w.ask("POST", "create-group", {{"display_name", "Staff"}});
    return std::nullopt;
  };
  CHECK(w.ask("POST", "create-group", {{"display_name", "Staff"}}).status == 201);
  REQUIRE(second);
  CHECK(second->status == 409);
  CHECK(code_of(*second) == "idempotency_in_progress");
  CHECK(made_groups(w) == 1);
}

TEST_CASE("A member change whose answer is lost is made once and audited once") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  int lost = 0;
  w.tenant.lose = [&](const http_client::Request& request) {
    return request.url.ends_with("/$ref") && lost++ % 2 == 0;
  };
  const auto added = w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  CHECK(added.status == 201);
  CHECK(World::json(added)["already_member"] == false);
  CHECK(w.ask("DELETE", "group/members/" + Tenant::user(9).to_string()).status == 204);
  CHECK(w.actions() == std::vector<std::string>{"member_added", "member_removed"});
  CHECK(w.tenant.state.stats.members_added == 1);
  CHECK(w.tenant.state.stats.members_removed == 1);
}

TEST_CASE("Guests that the group refuses, and what else Graph will not do, keep its own words") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const auto add = [&] {
    return w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  };
  w.tenant.instead = [](const http_client::Request&) {
    return FakeTransport::answer(
        403, R"({"error":{"code":"x","message":"Guests users are not allowed to join this group."}})");
  };
  const auto guest = add();
  CHECK(guest.status == 422);
  CHECK(code_of(guest) == "guests_not_allowed");
  w.tenant.instead = [](const http_client::Request&) {
    return FakeTransport::answer(400,
                                 R"({"error":{"code":"x","message":"The moon is in the wrong place."}})");
  };
  const auto odd = add();
  CHECK(odd.status == 422);
  CHECK(code_of(odd) == "graph_refused");
  CHECK(World::json(odd)["detail"].get<std::string>().find("moon") != std::string::npos);
}

namespace {

long member_changes(MicrosoftWorld& w) {
  return w.world.database.query("SELECT count(*) FROM front.member_changes")[0].number(0);
}
/// As any front does now and then.
void settle(MicrosoftWorld& w) {
  w.world.database.transact([&](postgres::Transaction& transaction) {
    front::settle_abandoned_changes(transaction, w.world.clock.wall());
  });
}
void let_time_pass(MicrosoftWorld& w) {
  w.world.database.execute("UPDATE front.member_changes SET begun_at = begun_at - interval '3 minutes'");
}

}  // namespace

TEST_CASE("A member change that nobody lived to put on record is audited as of unknown outcome, once") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  // The front dies while Graph is asked: what it had on record by then is what another one finds.
  w.tenant.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (request.url.ends_with("/$ref") && member_changes(w) == 1) {
      let_time_pass(w);
      settle(w);
    }
    return std::nullopt;
  };
  w.ask("POST", "group/members", {{"member_id", Tenant::user(9).to_string()}});
  const auto events = w.audited();
  REQUIRE_FALSE(events.empty());
  CHECK(events[0]["action"] == "member_change_unknown");
  CHECK(events[0]["detail"]["asked_for"] == "member_added");
  CHECK(events[0]["member_object_id"] == Tenant::user(9).to_string());
  CHECK(events[0]["group_id"] == Tenant::group(1).to_string());
  CHECK(events[0]["actor"] == std::string(entra::tenant) + "/" + admin);
  CHECK_FALSE(schema::Validator().check("rollcall.audit-event.v1", events[0]));
  const auto told = events.size();
  settle(w);
  CHECK(w.audited().size() == told);
}

TEST_CASE("An intention to change a member stays on record only where the answer never came") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const std::string known = Tenant::user(9).to_string(),
                    unknown = Tenant::numbered("00000009", 1).to_string();
  CHECK(w.ask("POST", "group/members", {{"member_id", known}}).status == 201);
  CHECK(w.ask("POST", "group/members", {{"member_id", known}}).status == 200);
  CHECK(w.ask("DELETE", "group/members/" + known).status == 204);
  CHECK(w.ask("DELETE", "group/members/" + known).status == 404);
  CHECK(w.ask("POST", "group/members", {{"member_id", unknown}}).status == 422);
  CHECK(member_changes(w) == 0);
  w.tenant.lose = [](const http_client::Request& request) { return request.url.ends_with("/$ref"); };
  CHECK(w.ask("POST", "group/members", {{"member_id", known}}).status == 503);
  CHECK(member_changes(w) == 1);
  settle(w);  // somebody may be at work on it still
  CHECK(member_changes(w) == 1);
  let_time_pass(w);
  settle(w);
  CHECK(member_changes(w) == 0);
  CHECK(w.actions() == std::vector<std::string>{"member_added", "member_removed", "member_change_unknown"});
}
