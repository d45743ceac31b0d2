#include "tests/integration/front/microsoft_world.h"
#include "tests/support/catch.h"
#include "workers/member_sync/handler.h"

#include <algorithm>
#include <variant>

/// The business rules of the Microsoft integration that hold for all of its endpoints, each by its name.
using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

struct Endpoint {
  std::string method, what;
  Json body = nullptr;
};

/// All nine.
std::vector<Endpoint> endpoints() {
  const std::string member = Tenant::user(9).to_string();
  return {{"GET", "status"},
          {"POST", "link-group", {{"group_id", Tenant::group(2).to_string()}}},
          {"POST", "create-group", {{"display_name", "New"}}},
          {"DELETE", "unlink-group"},
          {"GET", "group"},
          {"GET", "group/members"},
          {"POST", "group/members", {{"member_id", member}}},
          {"DELETE", "group/members/" + member},
          {"POST", "sync-members"}};
}

/// A run that nobody else wants.
class OnlyRun final : public worker::RunContext {
 public:
  explicit OnlyRun(postgres::Database& database) : database_(database) {}
  void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                  std::vector<kafka::Message>) override {
    database_.transact([&](postgres::Transaction& transaction) { write(transaction); });
  }
  void confirm() override {}
  void carry(Json) override {}
  void progress(long, long) override {}
  [[nodiscard]] std::stop_token stop() const override { return {}; }

 private:
  postgres::Database& database_;
};

/// The result of a sync by member-sync itself, in the same tenant and database.
Json synced(MicrosoftWorld& w, const Uuid& job, const Json& parameters) {
  worker::Run run;
  run.id = job;
  run.organization_id = w.organization;
  run.tenant_id = entra::tenant;
  run.operation = "sync-members";
  run.parameters = parameters;
  OnlyRun context(w.world.database);
  member_sync::HandlerOptions options;
  options.tenant_id = entra::tenant;
  member_sync::Handler handler(w.world.database, w.tenant.client, w.tenant.clock, options);
  const auto outcome = handler.handle(run, context);
  const auto* done = std::get_if<worker::Done>(&outcome);
  REQUIRE(done);
  return done->result;
}

}  // namespace

TEST_CASE("Acceptance, rule: the sync brings the roster into the group, and flags who is not on it") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const Json job = World::json(w.ask("POST", "sync-members"));
  const Json result = synced(w, *Uuid::parse(job.at("job_id").get<std::string>()), Json::object());
  CHECK(result["added"] == 2);      // the roster: admin and member
  CHECK(result["removed"] == 0);    // nobody goes unless the policy says so
  CHECK(result["unmatched"] == 3);  // users 1 to 3: flagged, not made accounts
  CHECK(w.tenant.has_member(Tenant::group(1), *Uuid::parse(admin)));
  CHECK(w.tenant.has_member(Tenant::group(1), Tenant::user(1)));
  CHECK(World::json(w.ask("GET", "status"))["last_sync_at"].is_string());
}

TEST_CASE("What the API changed before the first sync is believed over a listing that lags behind") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.world.database.execute("UPDATE directory.members SET object_id = $1::uuid WHERE object_id = $2::uuid",
                           {postgres::value(Tenant::user(1)), postgres::value(member)});
  REQUIRE(w.ask("DELETE", "group/members/" + Tenant::user(1).to_string()).status == 204);
  w.tenant.state.settings.lag = std::chrono::hours(1);  // reads do not show it yet
  const Json adds = synced(w, Tenant::numbered("0000000a", 1), {{"dry_run", true}})["plan"]["adds"];
  // On the roster, and not in the group any more: the sync brings the person back.
  CHECK(std::ranges::find(adds, Json(Tenant::user(1).to_string())) != adds.end());
}

TEST_CASE("Acceptance, rule: all endpoints answer 404 while MS_AUTH_ENABLED is false") {
  PipelineOptions options;
  options.microsoft_enabled = false;
  MicrosoftWorld w(options);
  w.linked(Tenant::group(1));
  for (const auto& endpoint : endpoints()) {
    INFO(endpoint.method << " " << endpoint.what);
    const auto response = w.ask(endpoint.method, endpoint.what, endpoint.body);
    CHECK(response.status == 404);
    CHECK(code_of(response) == "microsoft_disabled");
  }
  CHECK(w.tenant.asked().empty());
  CHECK(w.linked() == Tenant::group(1));
}

TEST_CASE("Acceptance, rule: only admins of the organization reach the endpoints") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  const auto other = w.world.add_organization("Fabrikam");
  w.world.database.execute(
      "UPDATE directory.members SET object_id = $2::uuid WHERE organization_id = $1::uuid AND role = 'admin'",
      {postgres::value(other), postgres::value(stranger)});
  struct Who {
    std::string token;
    int status;
  };
  const std::vector<Who> people = {{"", 401}, {token_of(member), 403}, {token_of(stranger), 404}};
  for (const auto& endpoint : endpoints())
    for (const auto& who : people) {
      INFO(endpoint.method << " " << endpoint.what << " " << who.status);
      CHECK(w.world
                .ask({.method = endpoint.method,
                      .target = w.target(endpoint.what),
                      .token = who.token,
                      .body = endpoint.body.is_null() ? "" : dump(endpoint.body)})
                .status == who.status);
    }
  CHECK(w.tenant.asked().empty());
  CHECK(w.linked() == Tenant::group(1));
  CHECK(w.world.ask({.target = w.target("status"), .token = operator_token()}).status == 200);
}

TEST_CASE("Rule: one group per organization, and one organization per group") {
  MicrosoftWorld w;
  REQUIRE(w.link(Tenant::group(1)).status == 200);
  const auto second = w.link(Tenant::group(2));
  CHECK(second.status == 409);
  CHECK(code_of(second) == "group_already_linked");
  CHECK(code_of(w.ask("POST", "create-group", {{"display_name", "New"}})) == "group_already_linked");
  CHECK(w.linked() == Tenant::group(1));
  w.organization = w.world.add_organization("Fabrikam");
  const auto elsewhere = w.link(Tenant::group(1));
  CHECK(elsewhere.status == 409);
  CHECK(code_of(elsewhere) == "group_linked_elsewhere");
}

TEST_CASE("Rule: the app's own token goes to Graph, never the caller's") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.ask("GET", "group");
  const auto requests = w.tenant.transport.requests();
  REQUIRE_FALSE(requests.empty());
  for (const auto& request : requests)
    for (const auto& [name, value] : request.headers)
      if (name == "Authorization") CHECK(value.starts_with("Bearer graph-token-"));
}

TEST_CASE("Rule: tokens are kept in memory only") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  for (const auto& endpoint : endpoints())
    w.ask(endpoint.method, endpoint.what, endpoint.body);
  REQUIRE(w.tenant.tokens_given > 0);
  for (const auto& table : w.world.database.query(
           "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM "
           "information_schema.tables "
           "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'")) {
    const auto found = w.world.database.query("SELECT count(*) FROM " + table.text(0) +
                                              " AS t WHERE t::text LIKE '%graph-token-%'");
    INFO(table.text(0));
    CHECK(found[0].number(0) == 0);
  }
}

TEST_CASE("Rule: one tenant, the configured one") {
  MicrosoftWorld w;
  w.linked(Tenant::group(1));
  w.parts->tenant_id = "another-tenant";  // the front was configured anew
  for (const auto& endpoint : endpoints()) {
    if (endpoint.what == "status" || endpoint.what == "unlink-group") continue;  // ask nothing of Graph
    INFO(endpoint.method << " " << endpoint.what);
    CHECK(code_of(w.ask(endpoint.method, endpoint.what, endpoint.body)) == "tenant_not_configured");
  }
  const Json status = World::json(w.ask("GET", "status"));
  CHECK(status["group_state"] == "unknown");
  CHECK(status["problem"]["code"] == "tenant_not_configured");
  CHECK(w.tenant.asked().empty());
}
