#include "tests/integration/front/areas.h"
#include "tests/integration/front/jobs_world.h"
#include "tests/unit/auth/refused_tokens.h"
#include "workers/front/mcp/endpoint.h"
#include "workers/front/mcp/tool_rows.h"

#include <algorithm>
#include <regex>
#include <set>

/// Rollcall's tools, resources and prompts over the Model Context Protocol, as a client has them but for the
/// socket.
using namespace rollcall;
using namespace rollcall::front_test;
namespace mcp = rollcall::front::mcp;

namespace {

class Agents {
 public:
  explicit Agents(mcp::EndpointOptions options = {}) {
    auto& parts = areas.parts();
    options.metadata = {"https://login.example/tenant/v2.0", {"api://rollcall/Rollcall.Access"}};
    endpoint.emplace(parts, areas.routes(), std::move(options),
                     mcp::Endpoint::Front{.public_root = "https://rollcall.example"});
    auto& world = areas.world;
    pipeline.emplace(endpoint->routes(),
                     front::PipelineOptions{.resource_metadata = mcp::resource_metadata_path,
                                            .rates = {1e6, 1e6},
                                            .scope = "Rollcall.Access",
                                            .scope_to_ask = "api://rollcall/Rollcall.Access"},
                     front::Pipeline::Parts{world.authenticator, world.database, world.components, world.pool,
                                            world.clock, world.metrics});
  }
  ~Agents() {
    areas.world.pool.finish();
    pipeline.reset();
  }
  Agents(const Agents&) = delete;
  Agents& operator=(const Agents&) = delete;

  front::Response post(const std::string& body, const std::string& token, http_server::Headers headers = {},
                       const std::string& method = "POST", const std::string& target = "/mcp") {
    http_server::Request request{method, target, std::move(headers), body, "192.0.2.1"};
    request.headers.emplace_back("Host", "rollcall.test");
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    auto promise = std::make_shared<std::promise<front::Response>>();
    auto answer = promise->get_future();
    pipeline->serve(std::move(request),
                    [promise](front::Response response) { promise->set_value(std::move(response)); });
    return answer.get();
  }
  /// A request of the modern era.
  Json ask(const std::string& method, Json params, const std::string& token) {
    params["_meta"] = {{std::string(mcp::meta_version), mcp::modern_version},
                       {std::string(mcp::meta_capabilities), Json::object()}};
    http_server::Headers headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", method}};
    for (const char* name : {"name", "uri"})
      if (params.contains(name)) headers.emplace_back("Mcp-Name", params[name].get<std::string>());
    const Json message = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
    return World::json(post(dump(message), token, std::move(headers)));
  }
  Json call(const std::string& tool, const Json& arguments, const std::string& token) {
    return ask("tools/call", {{"name", tool}, {"arguments", arguments}}, token)["result"];
  }
  /// What stands in ops.runs of calls: "operation state code".
  std::vector<std::string> recorded() {
    std::vector<std::string> calls;
    for (const auto& row :
         areas.world.database.query("SELECT operation || ' ' || state || ' ' || coalesce(error_code, '-') "
                                    "FROM ops.runs WHERE kind = 'call' AND "
                                    "worker = 'mcp' ORDER BY created_at, id"))
      calls.push_back(row.text(0));
    return calls;
  }

  Areas areas;
  std::optional<mcp::Endpoint> endpoint;
  std::optional<front::Pipeline> pipeline;
  const std::string admin_token = token_of(admin, {{"scp", "Rollcall.Access"}});
  const std::string member_token = token_of(member, {{"scp", "Rollcall.Access"}});
};

std::string text_of(const Json& result) {
  return result["content"][0]["text"];
}

}  // namespace

TEST_CASE("A tool answers with what its operation answers, twice over, and is on record") {
  Agents agents;
  const auto organization = agents.areas.world.add_organization("Contoso");
  const auto result = agents.call("list_organizations", {{"limit", 10}}, agents.admin_token);
  CHECK(result["isError"] == false);
  CHECK(result["resultType"] == "complete");
  REQUIRE(result["structuredContent"]["value"].size() == 1);
  CHECK(result["structuredContent"]["value"][0]["id"] == organization.to_string());
  CHECK(Json::parse(text_of(result)) == result["structuredContent"]);
  CHECK(agents.recorded() == std::vector<std::string>{"list_organizations succeeded -"});
  CHECK(agents.areas.audited() == std::vector<std::string>{"agent_call"});
}

TEST_CASE("Every token of the matrix is refused at /mcp, in the same words, and does nothing") {
  Agents agents;
  const auto ask = [&](const std::string& token) {
    return agents.post(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_jobs"}})",
                       token);
  };
  REQUIRE(ask(agents.admin_token).status == 200);
  for (const auto& group : entra::refused_tokens())
    for (const auto& token : group.tokens) {
      INFO(group.title << ": " << token.name);
      const auto answer = ask(token.compact);
      CHECK(answer.status == 401);
      CHECK(code_of(answer) == "token_invalid");
      CHECK(World::header(answer, "WWW-Authenticate").starts_with(R"(Bearer error="invalid_token")"));
    }
  CHECK(std::ranges::count(agents.recorded(), "list_jobs succeeded -") == 1);
}

TEST_CASE("Pages go on with a cursor instead of a link") {
  Agents agents;
  for (const char* name : {"A", "B", "C"})
    agents.areas.world.add_organization(name);
  std::set<std::string> seen;
  Json arguments = {{"limit", 1}};
  for (int page = 0; page < 3; ++page) {
    const auto content =
        agents.call("list_organizations", arguments, agents.admin_token)["structuredContent"];
    REQUIRE(content["value"].size() == 1);
    seen.insert(content["value"][0]["name"]);
    CHECK_FALSE(content.contains("nextLink"));
    CHECK(content.contains("next_cursor") == (page < 2));
    if (page < 2) arguments["cursor"] = content["next_cursor"];
  }
  CHECK(seen == std::set<std::string>{"A", "B", "C"});
}

TEST_CASE("What a tool refuses says what happened, by which code, and what to do") {
  Agents agents;
  const auto organization = agents.areas.world.add_organization("Contoso").to_string();
  const auto refused = [&](const std::string& tool, const Json& arguments, const std::string& token) {
    const auto result = agents.call(tool, arguments, token);
    CHECK(result["isError"] == true);
    CHECK_FALSE(result.contains("structuredContent"));
    INFO(text_of(result));
    CHECK(text_of(result).find("What to do: ") != std::string::npos);
    return text_of(result);
  };
  CHECK(refused("scan_organization", {{"organization", organization}}, agents.member_token)
            .find("[role_missing]") != std::string::npos);
  CHECK(refused("get_throttle", Json::object(), agents.admin_token).find("[role_missing]") !=
        std::string::npos);
  CHECK(refused("get_organization", {{"organization", "x"}}, agents.admin_token).find("[path_invalid]") !=
        std::string::npos);
  CHECK(refused("get_organization", Json::object(), agents.admin_token).find("'organization' is missing") !=
        std::string::npos);
  CHECK(refused("list_jobs", {{"nonsense", 1}}, agents.admin_token).find("'nonsense' is not known") !=
        std::string::npos);
  CHECK(refused("list_jobs", {{"limit", 1000}}, agents.admin_token).find("limit") != std::string::npos);
  CHECK(agents.recorded().size() == 6);
  CHECK(agents.recorded()[0] == "scan_organization failed role_missing");
}

TEST_CASE("Another organization's admin finds no way in through a tool") {
  Agents agents;
  const auto foreign = add_foreign_organization(agents.areas.world.database).to_string();
  for (const char* tool : {"get_organization", "get_group_status", "list_roster", "sync_group_members"}) {
    const auto result = agents.call(tool, {{"organization", foreign}}, agents.admin_token);
    INFO(tool);
    CHECK(result["isError"] == true);
    CHECK(text_of(result).find("[organization_not_found]") != std::string::npos);
  }
}

TEST_CASE("Where there is no such tool, or it is not offered, the call is an error and on record") {
  Agents all;
  const auto answer = all.ask("tools/call", {{"name", "drop_tables"}}, all.admin_token);
  CHECK(answer["error"]["code"] == mcp::rpc::invalid_params);
  CHECK(all.recorded() == std::vector<std::string>{"unknown failed tool_unknown"});

  Agents few({.tools = {"list_jobs", "cancel_job"}});
  CHECK(few.ask("tools/list", Json::object(), few.admin_token)["result"]["tools"].size() == 2);
  Agents readers({.read_only = true});
  const auto tools = readers.ask("tools/list", Json::object(), readers.admin_token)["result"]["tools"];
  CHECK(tools.size() > 10);
  for (const auto& tool : tools)
    CHECK(tool["annotations"]["readOnlyHint"] == true);
  CHECK(readers.ask("tools/call", {{"name", "sync_group_members"}}, readers.admin_token).contains("error"));
  CHECK_THROWS_AS(Agents({.tools = {"no_such_tool"}}), Error);
}

TEST_CASE("Every tool says what it is in ways that clients take") {
  Agents agents;
  const auto tools = agents.ask("tools/list", Json::object(), agents.admin_token)["result"]["tools"];
  CHECK(tools.size() >= 25);
  std::set<std::string> names;
  for (const auto& tool : tools) {
    INFO(tool.dump());
    CHECK(std::regex_match(tool["name"].get<std::string>(), std::regex("[A-Za-z0-9_]{1,64}")));
    CHECK(names.insert(tool["name"]).second);
    CHECK(tool["description"].get<std::string>().size() > 20);
    for (const char* schema : {"inputSchema", "outputSchema"}) {
      CHECK(tool[schema]["type"] == "object");
      CHECK(tool[schema].dump().find("#/components") == std::string::npos);
    }
    CHECK(tool["inputSchema"]["additionalProperties"] == false);
    CHECK((tool["annotations"]["readOnlyHint"] == true || tool["annotations"].contains("destructiveHint")));
  }
  // What writes is not passed off as reading.
  for (const auto& row : mcp::tool_rows())
    for (const auto& route : agents.areas.routes())
      if (route.operation.id == row.operation) {
        INFO(row.name);
        CHECK((row.effect == mcp::Effect::reads) == (route.operation.method == "GET"));
      }
}

TEST_CASE("Runs and findings are resources; those of others are not there") {
  Agents agents;
  auto& database = agents.areas.world.database;
  const auto organization = agents.areas.world.add_organization("Contoso");
  const auto own = add_job(database, {.organization = organization}).to_string();
  const auto foreign = add_job(database, {.organization = add_foreign_organization(database)}).to_string();
  const auto finding = database
                           .query(
                               "INSERT INTO advisor.findings (tenant_id, organization_id, rule, pillar, "
                               "severity, title) VALUES ($1, "
                               "$2::uuid, 'rule', 'security', 'high', 'Look') RETURNING id",
                               {postgres::value(entra::tenant), postgres::value(organization)})[0]
                           .text(0);
  std::set<std::string> uris;
  Json params = Json::object();
  for (;;) {
    const auto page = agents.ask("resources/list", params, agents.admin_token)["result"];
    CHECK(page["cacheScope"] == "private");
    for (const auto& resource : page["resources"])
      uris.insert(resource["uri"]);
    if (!page.contains("nextCursor")) break;
    params = {{"cursor", page["nextCursor"]}};
  }
  CHECK(uris.contains("rollcall://runs/" + own));
  CHECK(uris.contains("rollcall://findings/" + finding));
  CHECK_FALSE(uris.contains("rollcall://runs/" + foreign));
  const auto read = [&](const std::string& uri) {
    return agents.ask("resources/read", {{"uri", uri}}, agents.admin_token);
  };
  CHECK(Json::parse(
            read("rollcall://runs/" + own)["result"]["contents"][0]["text"].get<std::string>())["id"] == own);
  CHECK(Json::parse(read("rollcall://findings/" + finding)["result"]["contents"][0]["text"]
                        .get<std::string>())["title"] == "Look");
  for (const auto& uri :
       {"rollcall://runs/" + foreign, std::string("rollcall://runs/x"), std::string("file:///etc/passwd")}) {
    CHECK(read(uri)["error"]["code"] == mcp::rpc::invalid_params);
    CHECK(read(uri)["error"]["data"]["uri"] == uri);
  }
  const auto calls = agents.recorded();
  CHECK(std::ranges::count(calls, "read_resource succeeded -") == 2);
  CHECK(std::ranges::count(calls, "read_resource failed resource_unknown") == 4);
  CHECK(std::ranges::count(calls, "list_resources succeeded -") >= 2);
  // A cursor is its receiver's, of its list.
  params = {{"cursor", agents.endpoint->server().seal().seal("cursor resources/list", "someone else", "x",
                                                             std::chrono::hours(1))}};
  CHECK(agents.ask("resources/list", params, agents.admin_token)["error"]["code"] ==
        mcp::rpc::invalid_params);
}

TEST_CASE("Prompts ask the usual questions, and complete their organization") {
  Agents agents;
  const auto organization = agents.areas.world.add_organization("Contoso").to_string();
  CHECK(agents.ask("prompts/list", Json::object(), agents.admin_token)["result"]["prompts"].size() >= 5);
  const auto prompt =
      agents.ask("prompts/get", {{"name", "review_drift"}, {"arguments", {{"organization", "Contoso"}}}},
                 agents.admin_token)["result"];
  CHECK(prompt["messages"][0]["content"]["text"].get<std::string>().find("'Contoso'") != std::string::npos);
  CHECK(agents.ask("prompts/get", {{"name", "review_drift"}}, agents.admin_token)["error"]["code"] ==
        mcp::rpc::invalid_params);
  const auto completed = agents.ask("completion/complete",
                                    {{"ref", {{"type", "ref/prompt"}, {"name", "review_drift"}}},
                                     {"argument", {{"name", "organization"}, {"value", "Con"}}}},
                                    agents.admin_token)["result"]["completion"];
  CHECK(completed["values"] == Json::array({organization}));
}

TEST_CASE("Without a good token there is only where to get one") {
  Agents agents;
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  const auto answer = agents.post(ping, "");
  CHECK(answer.status == 401);
  CHECK(World::header(answer, "WWW-Authenticate") ==
        "Bearer scope=\"api://rollcall/Rollcall.Access\", "
        "resource_metadata=\"http://rollcall.test/.well-known/oauth-protected-resource/mcp\"");
  const auto without_scope = agents.post(ping, token_of(admin));
  CHECK(without_scope.status == 403);
  CHECK(
      World::header(without_scope, "WWW-Authenticate").find("error=\"insufficient_scope\", scope=\"api://") !=
      std::string::npos);
  CHECK(agents.recorded() ==
        std::vector<std::string>{"unknown failed token_missing", "unknown failed scope_missing"});
  for (const char* path : {mcp::resource_metadata_path, "/.well-known/oauth-protected-resource"}) {
    const auto metadata = World::json(agents.post("", "", {}, "GET", path));
    CHECK(metadata["resource"] == "http://rollcall.test/mcp");
    CHECK(metadata["authorization_servers"] == Json::array({"https://login.example/tenant/v2.0"}));
    CHECK(metadata["scopes_supported"] == Json::array({"api://rollcall/Rollcall.Access"}));
    CHECK(metadata["bearer_methods_supported"] == Json::array({"header"}));
  }
}

TEST_CASE("The transport keeps to the legacy rules for legacy clients") {
  Agents agents;
  const auto post = [&](const char* body, http_server::Headers headers = {}, const std::string& token = {}) {
    return agents.post(body, token.empty() ? agents.admin_token : token, std::move(headers));
  };
  const auto begun = post(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{}}})");
  CHECK(World::json(begun)["result"]["protocolVersion"] == "2025-06-18");
  const auto session = World::header(begun, "MCP-Session-Id");
  CHECK(session.size() > 40);
  CHECK(std::ranges::all_of(session, [](char c) { return c >= 0x21 && c <= 0x7e; }));
  const char* list = R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})";
  const auto tools = post(list, {{"MCP-Session-Id", session}});
  CHECK(tools.status == 200);
  CHECK_FALSE(World::json(tools)["result"].contains("resultType"));
  CHECK(post(list).status == 200);  // and without one
  // It is the one's who began it, until it ends.
  CHECK(post(list, {{"MCP-Session-Id", session}}, agents.member_token).status == 404);
  CHECK(post(list, {{"MCP-Session-Id", session + "x"}}).status == 404);
  agents.areas.world.clock.advance(std::chrono::hours(25));
  const auto later = token_of(admin, {{"scp", "Rollcall.Access"},
                                      {"iat", entra::seconds(agents.areas.world.clock.wall())},
                                      {"nbf", entra::seconds(agents.areas.world.clock.wall())},
                                      {"exp", entra::seconds(agents.areas.world.clock.wall()) + 3600}});
  CHECK(post(list, {{"MCP-Session-Id", session}}, later).status == 404);

  const auto notified = post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {}, later);
  CHECK(notified.status == 202);
  CHECK(notified.body.empty());
  const auto unknown = post(R"({"jsonrpc":"2.0","id":3,"method":"no/such"})", {}, later);
  CHECK(unknown.status == 200);
  CHECK(World::json(unknown)["error"]["code"] == mcp::rpc::method_not_found);
  for (const char* method : {"GET", "DELETE"}) {
    const auto answer = agents.post("", later, {{"MCP-Session-Id", session}}, method);
    CHECK(answer.status == 405);
    CHECK(World::header(answer, "Allow") == "POST");
  }
}

TEST_CASE("What is no message, from nowhere good, or too large is refused before anything is done") {
  Agents agents;
  const auto status = [&](const std::string& body, http_server::Headers headers = {}) {
    return agents.post(body, agents.admin_token, std::move(headers)).status;
  };
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  CHECK(status(ping) == 200);
  CHECK(status("[" + ping + "]") == 400);
  CHECK(status("{") == 400);
  CHECK(status(ping, {{"Content-Type", "text/plain"}}) == 415);
  CHECK(status(ping, {{"Origin", "http://evil.example.com"}}) == 403);
  CHECK(status(ping, {{"Origin", "http://rollcall.test"}}) == 403);  // the Host header proves nothing
  CHECK(status(ping, {{"Origin", "https://rollcall.example"}}) == 200);
  CHECK(status(ping, {{"Origin", "http://localhost:3000"}}) == 200);
  CHECK(status(ping + std::string(300 * 1024, ' ')) == 413);
  CHECK(status(ping, {{"MCP-Protocol-Version", "2024-11-05"}}) == 400);
  CHECK(agents.recorded().size() <= 8);
}
