#include "workers/front/api/invoke.h"

#include "tests/integration/front/world.h"
#include "tests/support/catch.h"

#include <atomic>
#include <latch>

using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

Response echo(const Call& call) {
  if (call.query.has("fail")) throw Error(Fault::conflict, "job_state_changed", "It is over.");
  return json_answer(200, {{"caller", call.caller.identity()},
                           {"organization", call.organization.name},
                           {"intent", call.intent.to_string()},
                           {"target", call.request.target},
                           {"limit", call.query.integer("limit", 0)},
                           {"id", call.request_id},
                           {"body", call.body}});
}

Routes routes() {
  const std::vector<QueryParameter> query = {
      {.name = "limit", .type = ParameterType::integer, .min = 1, .max = 9}, {.name = "fail"}};
  Operation list{.method = "GET", .path = "/list", .id = "list", .query = query};
  Operation operate{.method = "GET", .path = "/operate", .id = "operate", .access = Access::operator_only};
  Operation office{.method = "GET",
                   .path = "/organizations/{organization}/people/{person}",
                   .id = "office",
                   .access = Access::organization_admin};
  Operation microsoft{.method = "GET", .path = "/microsoft", .id = "microsoft", .microsoft = true};
  Operation write{.method = "POST", .path = "/write", .id = "write", .body = "FindingDecision"};
  Operation news{.method = "GET", .path = "/news", .id = "news", .query = query};
  Routes all = {{list, echo, {}},      {operate, echo, {}}, {office, echo, {}},
                {microsoft, echo, {}}, {write, echo, {}},   {news, {}, {}}};
  all.back().begin = [](const Call& call, const Respond& respond) { respond(echo(call)); };
  return all;
}

auth::Caller person(const std::string& id, std::vector<std::string> roles = {}) {
  auth::Caller caller;
  caller.tenant_id = entra::tenant;
  caller.object_id = id;
  caller.roles = std::move(roles);
  return caller;
}

/// The same operations asked for from inside and over HTTP.
struct Inside {
  Response ask(Invocation invocation) const {
    auto promise = std::make_shared<std::promise<Response>>();
    auto answer = promise->get_future();
    operations.invoke(std::move(invocation),
                      [promise](Response response) { promise->set_value(std::move(response)); });
    return answer.get();
  }
  std::string code(Invocation invocation) const { return World::json(ask(std::move(invocation)))["code"]; }

  World world{routes()};
  Operations operations{
      routes(), {.microsoft_enabled = false}, {world.database, world.components, world.pool, world.clock}};
};

}  // namespace

TEST_CASE("An operation asked for from inside decides as over HTTP who may call it") {
  Inside inside;
  const std::string organization = inside.world.add_organization("Contoso").to_string();
  const auto office = [&](const std::string& who, const std::string& which) {
    return Invocation{.operation_id = "office",
                      .caller = person(who),
                      .path = {{"organization", which}, {"person", "a/b c"}}};
  };
  const auto answer = World::json(inside.ask(office(admin, organization)));
  CHECK(answer["organization"] == "Contoso");
  CHECK(answer["caller"] == entra::tenant + "/" + admin);
  CHECK(answer["target"] == "/organizations/" + organization + "/people/a%2Fb%20c");
  CHECK(inside.code(office(member, organization)) == "role_missing");
  CHECK(inside.code(office(stranger, organization)) == "organization_not_found");
  CHECK(inside.code(office(admin, "7")) == "path_invalid");
  CHECK(inside.code({.operation_id = "office", .caller = person(admin)}) == "path_invalid");
  CHECK(inside.code({.operation_id = "operate", .caller = person(admin)}) == "role_missing");
  CHECK(inside.ask({.operation_id = "operate", .caller = person(admin, {"Rollcall.Admin"})}).status == 200);
  CHECK(inside.code({.operation_id = "microsoft", .caller = person(admin)}) == "microsoft_disabled");
  CHECK(inside.code({.operation_id = "nothing", .caller = person(admin)}) == "route_not_found");
}

TEST_CASE("What is asked from inside is checked against the operation's declaration") {
  Inside inside;
  for (const auto* operation : {"list", "news"}) {
    const auto list = [&](QueryPairs query) {
      return Invocation{
          .operation_id = operation, .caller = person(admin), .request_id = "r-1", .query = std::move(query)};
    };
    CHECK(World::json(inside.ask(list({{"limit", "7"}})))["limit"] == 7);
    CHECK(World::json(inside.ask(list({})))["id"] == "r-1");
    CHECK(inside.code(list({{"limit", "10"}})) == "query_invalid");
    CHECK(inside.code(list({{"nome", "1"}})) == "query_invalid");
    const auto thrown = inside.ask(list({{"fail", "&="}}));
    CHECK(thrown.status == 409);
    CHECK(World::json(thrown)["instance"] == "urn:rollcall:request:r-1");
  }
  const auto write = [&](const Json& body) {
    return Invocation{.operation_id = "write", .caller = person(admin), .body = body};
  };
  CHECK(World::json(inside.ask(write({{"why", "because"}})))["body"]["why"] == "because");
  CHECK(inside.code(write({{"why", 7}})) == "schema_violation");
  CHECK(inside.code(write(nullptr)) == "body_missing");
}

TEST_CASE("An Idempotency-Key stands for the same request from inside and over HTTP") {
  Inside inside;
  const auto first = inside.ask({.operation_id = "write",
                                 .caller = person(admin),
                                 .body = {{"why", "because"}},
                                 .idempotency_key = "k1"});
  const auto again = inside.world.ask({.method = "POST",
                                       .target = "/write",
                                       .token = token_of(admin),
                                       .body = R"({"why":"because"})",
                                       .headers = {{"Idempotency-Key", "k1"}}});
  CHECK(again.body == first.body);
  CHECK(World::header(again, "Idempotency-Replayed") == "true");
  CHECK(inside.code({.operation_id = "write",
                     .caller = person(admin),
                     .body = {{"why", "another"}},
                     .idempotency_key = "k1"}) == "idempotency_key_reused");
}

TEST_CASE("A call from inside that nobody waits for any more is left") {
  Inside inside;
  std::latch gone{1};
  std::atomic<bool> answered = false;
  inside.operations.invoke({.operation_id = "list",
                            .caller = person(admin),
                            .unwanted = std::make_shared<std::atomic<bool>>(true)},
                           [&answered, last = std::shared_ptr<void>(nullptr, [&gone](void*) {
                                         gone.count_down();
                                       })](const Response&) { answered = true; });
  gone.wait();
  CHECK_FALSE(answered);
}

TEST_CASE("Two operations of one name are a mistake of the program") {
  Inside inside;
  auto all = routes();
  all.push_back(all.front());
  CHECK_THROWS_AS(
      Operations(all, {},
                 {inside.world.database, inside.world.components, inside.world.pool, inside.world.clock}),
      std::logic_error);
}
