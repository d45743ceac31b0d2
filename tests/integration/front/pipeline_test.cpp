#include "tests/integration/front/world.h"
#include "tests/support/catch.h"
#include "tests/unit/http_server/wire.h"

#include <atomic>

using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

/// Operations that do nothing but show what the pipeline let through.
Routes probes(std::atomic<int>* performed = nullptr) {
  Operation open{.method = "GET", .path = "/open", .id = "open", .access = Access::anyone};
  Operation closed{.method = "GET", .path = "/closed", .id = "closed", .access = Access::signed_in};
  Operation operate{.method = "GET", .path = "/operate", .id = "operate", .access = Access::operator_only};
  Operation office{.method = "GET",
                   .path = "/organizations/{organization}",
                   .id = "office",
                   .access = Access::organization_admin,
                   .microsoft = true};
  Operation write{
      .method = "POST", .path = "/write", .id = "write", .access = Access::signed_in, .body = "Problem"};
  Operation fails{.method = "GET", .path = "/fails", .id = "fails", .access = Access::anyone};
  const auto echo = [performed](const Call& call) {
    if (performed) ++*performed;
    return json_answer(200, {{"caller", call.caller.object_id},
                             {"organization", call.organization.name},
                             {"intent", call.intent.to_string()}});
  };
  const auto fail = [](const Call&) -> Response { throw std::runtime_error("password=secret"); };
  return {{open, echo, {}},   {closed, echo, {}}, {operate, echo, {}},
          {office, echo, {}}, {write, echo, {}},  {fails, fail, {}}};
}

const std::string problem_body =
    R"({"type":"t","title":"t","status":404,"code":"c","detail":"d","instance":"i"})";

std::string code_of(const Response& response) {
  return World::json(response)["code"];
}

}  // namespace

TEST_CASE("Unknown paths and methods are told what there is") {
  World world(probes());
  const auto nothing = world.ask({.target = "/nothing"});
  CHECK(nothing.status == 404);
  CHECK(code_of(nothing) == "route_not_found");
  CHECK(World::header(nothing, "Content-Type") == "application/problem+json");
  const auto wrong = world.ask({.method = "DELETE", .target = "/open"});
  CHECK(wrong.status == 405);
  CHECK(World::header(wrong, "Allow") == "GET, HEAD");
  for (const auto* method : {"OPTIONS", "TRACE", "CONNECT", "PURGE"}) {
    const auto refused = world.ask({.method = method, .target = "/open"});
    CHECK(refused.status == 405);
    CHECK(World::header(refused, "Allow") == "GET, HEAD");
  }
}

TEST_CASE("A problem is a document with a stable code, a cure and the request's id") {
  World world(probes());
  const auto response = world.ask({.target = "/closed", .headers = {{"X-Request-Id", "my-7"}}});
  CHECK(response.status == 401);
  const Json problem = World::json(response);
  CHECK(problem["code"] == "token_missing");
  CHECK(problem["status"] == 401);
  CHECK(problem["instance"] == "urn:rollcall:request:my-7");
  CHECK_FALSE(problem["cure"].get<std::string>().empty());
  CHECK(World::header(response, "X-Request-Id") == "my-7");
  CHECK(World::header(response, "WWW-Authenticate").starts_with("Bearer"));
  CHECK(World::header(world.ask({.target = "/open", .headers = {{"X-Request-Id", "a\"b"}}}),
                      "X-Request-Id") != "a\"b");
}

TEST_CASE("A token opens what its bearer may see, and no more") {
  World world(probes());
  const std::string office = "/organizations/" + world.add_organization("Contoso").to_string();
  const std::string foreign =
      "/organizations/" + world.add_organization("Other", "another-tenant").to_string();
  CHECK(World::json(world.ask({.target = "/closed", .token = token_of(admin)}))["caller"] == admin);
  CHECK(world.ask({.target = "/closed", .token = "not.a.token"}).status == 401);
  CHECK(World::json(world.ask({.target = office, .token = token_of(admin)}))["organization"] == "Contoso");
  CHECK(world.ask({.target = office, .token = operator_token()}).status == 200);
  CHECK(world.ask({.target = office, .token = token_of(member)}).status == 403);
  const auto invisible = world.ask({.target = office, .token = token_of(stranger)});
  CHECK(invisible.status == 404);
  // Word for word what one that does not exist gets.
  const auto absent = world.ask(
      {.target = "/organizations/00000000-0000-4000-8000-00000000dead", .token = token_of(stranger)});
  CHECK(World::json(invisible)["detail"] == World::json(absent)["detail"]);
  CHECK(world.ask({.target = foreign, .token = token_of(admin)}).status == 404);
  CHECK(world.ask({.target = foreign, .token = operator_token()}).status == 404);
  CHECK(world.ask({.target = "/organizations/7", .token = token_of(admin)}).status == 400);
  CHECK(world.ask({.target = "/operate", .token = token_of(admin)}).status == 403);
  CHECK(world.ask({.target = "/operate", .token = operator_token()}).status == 200);
}

TEST_CASE("Where a scope is asked of people, a token without it says who calls and opens nothing") {
  World world(probes(), {.resource_metadata = "/.well-known/x", .scope = "Rollcall.Access"});
  const std::string office = "/organizations/" + world.add_organization("Contoso").to_string();
  const auto with = [](const Json& scopes) { return token_of(admin, {{"scp", scopes}}); };
  for (const auto* scopes :
       {"access_as_user", "rollcall.access", "Rollcall.Access.All Rollcall", "XRollcall.Access"})
    for (const auto& target : {std::string("/closed"), std::string("/operate"), office}) {
      INFO(scopes << " " << target);
      const auto refused = world.ask({.target = target, .token = with(scopes)});
      CHECK(refused.status == 403);
      CHECK(code_of(refused) == "scope_missing");
      CHECK(World::json(refused)["detail"].get<std::string>().find("Rollcall.Access") != std::string::npos);
      CHECK(World::header(refused, "WWW-Authenticate") ==
            R"(Bearer error="insufficient_scope", scope="Rollcall.Access", )"
            R"(resource_metadata="http://rollcall.test/.well-known/x")");
    }
  // The app role does not stand in for it.
  CHECK(world.ask({.target = "/operate", .token = operator_token()}).status == 403);
  CHECK(world.ask({.target = office, .token = with("Runs.Read Rollcall.Access")}).status == 200);
  // A program has roles, and no scopes.
  CHECK(world.ask({.target = "/operate", .token = entra::token(entra::claims_app())}).status == 200);
  CHECK(world.ask({.target = "/open"}).status == 200);
  const auto strange = world.ask({.target = "/closed", .token = "not.a.token"});
  CHECK(strange.status == 401);
  CHECK(World::header(strange, "WWW-Authenticate") ==
        R"(Bearer error="invalid_token", scope="Rollcall.Access", )"
        R"(resource_metadata="http://rollcall.test/.well-known/x")");
}

TEST_CASE("A person is known by the object id that an address resolved to; who departed is a stranger") {
  World world(probes());
  const Uuid id = world.add_organization("Contoso");
  world.database.execute(
      "INSERT INTO directory.members (organization_id, email, role) VALUES ($1::uuid, 'c@contoso.example', "
      "'owner')",
      {postgres::value(id)});
  const Asking asking{.target = "/organizations/" + id.to_string(), .token = token_of(stranger)};
  CHECK(world.ask(asking).status == 404);
  world.database.execute(
      "INSERT INTO sync.identities (tenant_id, address, state, object_id) VALUES ($1, 'c@contoso.example', "
      "'resolved', $2::uuid)",
      {postgres::value(entra::tenant), postgres::value(stranger)});
  CHECK(world.ask(asking).status == 200);
  world.database.execute(
      "UPDATE directory.members SET departed_at = now() WHERE email = 'c@contoso.example'");
  CHECK(world.ask(asking).status == 404);
}

TEST_CASE("Microsoft endpoints answer 404 while the integration is off, to everybody") {
  World world(probes(), {.microsoft_enabled = false});
  const std::string office = "/organizations/" + world.add_organization("Contoso").to_string();
  for (const auto& token : {std::string(), token_of(admin), operator_token()}) {
    const auto response = world.ask({.target = office, .token = token});
    CHECK(response.status == 404);
    CHECK(code_of(response) == "microsoft_disabled");
  }
  CHECK(world.ask({.target = "/closed", .token = token_of(admin)}).status == 200);
}

TEST_CASE("Bodies and queries are checked before a handler sees them") {
  std::atomic<int> performed = 0;
  World world(probes(&performed));
  const auto post = [&](const std::string& body, http_server::Headers headers = {}) {
    return world.ask({.method = "POST",
                      .target = "/write",
                      .token = token_of(admin),
                      .body = body,
                      .headers = std::move(headers)});
  };
  CHECK(code_of(post("")) == "body_missing");
  CHECK(code_of(post("{")) == "json_malformed");
  CHECK(post(R"({"type":"a","type":"b"})").status == 400);
  const auto wrong = post(R"({"type":"t","title":"t","status":9,"code":"c","detail":"d","instance":"i"})");
  CHECK(wrong.status == 400);
  CHECK(World::json(wrong)["errors"][0]["pointer"] == "/status");
  CHECK(post(std::string(100'000, ' ')).status == 413);
  CHECK(code_of(world.ask({.target = "/closed?nome=1", .token = token_of(admin)})) == "query_invalid");
  http_server::Request form;
  CHECK(performed == 0);
  CHECK(post(problem_body).status == 200);
  CHECK(performed == 1);
}

TEST_CASE("A value of another type than its format is for is a mistake, and ends nothing") {
  Operation decide{.method = "POST",
                   .path = "/decide",
                   .id = "decide",
                   .access = Access::signed_in,
                   .body = "FindingDecision"};
  World world(Routes{{decide, [](const Call&) { return no_content(); }, {}}});
  for (const auto* until : {"null", "7", "[null,null]", "{}", "true"}) {
    const auto answer = world.ask({.method = "POST",
                                   .target = "/decide",
                                   .token = token_of(admin),
                                   .body = std::string(R"({"why":"because","until":)") + until + "}"});
    CHECK(answer.status == 400);
    CHECK(World::json(answer)["errors"][0]["pointer"] == "/until");
  }
}

TEST_CASE("A POST with an Idempotency-Key is performed once") {
  std::atomic<int> performed = 0;
  World world(probes(&performed));
  const auto post = [&](const std::string& key, const std::string& body, const std::string& person = admin) {
    return world.ask({.method = "POST",
                      .target = "/write",
                      .token = token_of(person),
                      .body = body,
                      .headers = {{"Idempotency-Key", key}}});
  };
  const auto first = post("\"k1\"", problem_body), again = post("k1", problem_body);
  CHECK(performed == 1);
  CHECK(again.body == first.body);
  CHECK(World::header(again, "Idempotency-Replayed") == "true");
  CHECK(World::header(again, "Content-Type") == "application/json");
  std::string other = problem_body;
  other.replace(other.find("404"), 3, "405");
  CHECK(code_of(post("k1", other)) == "idempotency_key_reused");
  CHECK(post("k1", problem_body, member).status == 200);  // keys of two callers never meet
  CHECK(performed == 2);
  CHECK(code_of(post("a b", problem_body)) == "idempotency_key_invalid");
  // A front that died while it answered lets go by time, and the intent is the same: what it made is found
  // again.
  const std::string intent = World::json(first)["intent"];
  world.database.execute("UPDATE front.idempotency_keys SET status = NULL WHERE principal LIKE '%' || $1",
                         {postgres::value(admin)});
  CHECK(code_of(post("k1", problem_body)) == "idempotency_in_progress");
  world.database.execute(
      "UPDATE front.idempotency_keys SET locked_until = now() - interval '1 s' WHERE principal LIKE '%' || "
      "$1",
      {postgres::value(admin)});
  CHECK(World::json(post("k1", problem_body))["intent"] == intent);
}

TEST_CASE("What goes wrong inside is told to the log, not to the caller") {
  World world(probes());
  const auto response = world.ask({.target = "/fails"});
  CHECK(response.status == 500);
  CHECK(response.body.find("secret") == std::string::npos);
  CHECK(code_of(response) == "internal");
}

TEST_CASE("Every answer carries the security headers, and no origin is let in by default") {
  World closed(probes()), open(probes(), {.origins = {"https://console.contoso.example"}});
  const Asking asking{.target = "/open", .headers = {{"Origin", "https://console.contoso.example"}}};
  const auto refused = closed.ask(asking), allowed = open.ask(asking);
  CHECK(World::header(refused, "X-Content-Type-Options") == "nosniff");
  CHECK(World::header(refused, "Cache-Control") == "no-store");
  CHECK(World::header(refused, "Access-Control-Allow-Origin").empty());
  CHECK(World::header(allowed, "Access-Control-Allow-Origin") == "https://console.contoso.example");
  CHECK(open.ask({.method = "OPTIONS", .target = "/open", .headers = asking.headers}).status == 204);
  CHECK(World::header(open.ask({.target = "/open", .headers = {{"Origin", "https://evil.example"}}}),
                      "Access-Control-Allow-Origin")
            .empty());
}

namespace {

/// What the server asks before it reads a large body: nothing is sent of it.
struct Socketed {
  explicit Socketed(World& world) {
    http_server::Options options;
    options.body_bytes_max_for = [&](std::string_view method, std::string_view target) {
      return world.pipeline->body_bytes_max(method, target);
    };
    options.before_body = [&](http_server::Request head, Respond respond) {
      world.pipeline->serve_head(std::move(head), std::move(respond));
    };
    server.emplace(options, [&](http_server::Request request, Respond respond) {
      world.pipeline->serve(std::move(request), std::move(respond));
    });
  }
  /// Sends the head of a PUT of 64 MiB and what is given of the body; reads the answer.
  std::string put(const std::string& target, const std::string& token, const std::string& body = {}) const {
    const auto length = body.empty() ? std::size_t{64} * 1024 * 1024 : body.size();
    http_server::Wire wire(server->port());
    wire.send("PUT " + target + " HTTP/1.1\r\nHost: rollcall.test\r\nContent-Type: application/json\r\n" +
              (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
              "Content-Length: " + std::to_string(length) + "\r\nConnection: close\r\n\r\n" + body);
    return body.empty() ? wire.read_until("\r\n\r\n") : wire.read_all();
  }
  std::optional<http_server::Server> server;
};

}  // namespace

TEST_CASE("Nobody sends a large body who may not: not a byte of it is waited for") {
  std::atomic<int> performed = 0;
  Operation replace{.method = "PUT",
                    .path = "/organizations/{organization}/roster",
                    .id = "replace",
                    .access = Access::organization_admin,
                    .body = "Roster",
                    .body_bytes_max = std::size_t{64} * 1024 * 1024};
  World world(Routes{{replace,
                      [&](const Call& call) {
                        ++performed;
                        return json_answer(200, {{"members", call.body["members"].size()}});
                      },
                      {}}});
  const std::string target = "/organizations/" + world.add_organization("Contoso").to_string() + "/roster";
  const Socketed socketed(world);
  CHECK(http_server::status_of(socketed.put(target, "")) == 401);
  CHECK(http_server::status_of(socketed.put(target, token_of(admin) + "x")) == 401);
  CHECK(http_server::status_of(socketed.put(target, token_of(member))) == 403);
  CHECK(http_server::status_of(socketed.put(target, token_of(stranger))) == 404);
  CHECK(http_server::status_of(socketed.put("/nothing", token_of(admin))) == 413);
  CHECK(http_server::status_of(socketed.put("/organizations/7/roster", token_of(admin))) == 400);
  CHECK(performed == 0);
  Json members = Json::array();
  for (int i = 0; i < 5'000; ++i)
    members.push_back({{"email", "person" + std::to_string(i) + "@contoso.example"}});
  const auto taken = socketed.put(target, token_of(admin), dump({{"members", members}}));
  CHECK(http_server::status_of(taken) == 200);
  CHECK(taken.ends_with(R"({"members":5000})"));
  CHECK(performed == 1);
}

TEST_CASE("Work that has not begun when its caller goes is left") {
  std::atomic<int> performed = 0;
  World world(probes(&performed));
  const auto unwanted = std::make_shared<std::atomic<bool>>(true);
  http_server::Request request;
  request.method = "GET";
  request.target = "/open";
  request.unwanted = unwanted;
  const auto answered = std::make_shared<std::promise<void>>();
  auto over = answered->get_future();
  // Nobody is answered: the last copy of `respond` is let go of.
  const auto told = std::make_shared<std::atomic<bool>>(false);
  world.pipeline->serve(request, [told, last = std::shared_ptr<void>(nullptr, [answered](void*) {
                                          answered->set_value();
                                        })](const Response&) { *told = true; });
  over.wait();
  CHECK_FALSE(*told);
  CHECK(performed == 0);
  CHECK(world.metrics.render().find("rollcall_http_requests_left_total{worker=\"front\"} 1") !=
        std::string::npos);
}

TEST_CASE("An operation with a pace of its own has it for all callers together, and takes none of theirs") {
  Operation own{.method = "GET", .path = "/own", .id = "own", .access = Access::anyone, .per_second = 2};
  Operation other{.method = "GET", .path = "/other", .id = "other", .access = Access::anyone};
  const auto fine = [](const Call&) { return no_content(); };
  World world(Routes{{own, fine, {}}, {other, fine, {}}});
  for (int i = 0; i < 8; ++i)
    CHECK(world.ask({.target = "/own"}).status == 204);
  CHECK(world.ask({.target = "/own"}).status == 429);
  CHECK(world.ask({.target = "/other"}).status == 204);
  world.clock.advance(std::chrono::seconds(1));
  CHECK(world.ask({.target = "/own"}).status == 204);
}
