#include "tests/integration/front/areas.h"

using namespace rollcall;
using namespace rollcall::front_test;

TEST_CASE("Organizations are listed to those who administer them, and to operators, to the last page") {
  Areas areas;
  CHECK(World::json(areas.get("/api/v1/organizations", operator_token())) ==
        Json({{"value", Json::array()}}));
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {
    names.push_back("Org " + std::to_string(i));
    areas.world.add_organization(names.back());
  }
  areas.world.add_organization("Foreign", "another-tenant");
  int pages = 0;
  for (const auto& token : {token_of(admin), operator_token()}) {
    std::vector<std::string> seen;
    for (const auto& one : areas.walk("/api/v1/organizations?limit=2", token, &pages))
      seen.push_back(one["name"]);
    CHECK(seen == names);
    CHECK(pages == 3);
  }
  CHECK(areas.walk("/api/v1/organizations", token_of(member)).empty());
  CHECK(areas.walk("/api/v1/organizations", token_of(stranger)).empty());
  CHECK(areas.walk("/api/v1/organizations?name=rg%203", token_of(admin)).size() == 1);
  CHECK(areas.walk("/api/v1/organizations?name=%25", token_of(admin)).empty());
  const auto wrong = areas.get("/api/v1/organizations?limit=0", token_of(admin));
  CHECK(wrong.status == 400);
  CHECK(pointer_of(wrong) == "limit");
  CHECK(code_of(areas.get("/api/v1/organizations?cursor=00", token_of(admin))) == "cursor_invalid");
}

TEST_CASE("A cursor that somebody wrote by hand is refused, whatever it says") {
  Areas areas;
  areas.world.add_organization("A");
  areas.world.add_organization("B");
  const Json page = World::json(areas.get("/api/v1/organizations?limit=1", token_of(admin)));
  const std::string link = page["nextLink"];
  const auto cursor = link.substr(link.find("cursor=") + 7);
  const auto hex = [](const std::string& text) {
    std::string out;
    for (const char one : text) {
      const auto c = static_cast<unsigned char>(one);
      out += "0123456789abcdef"[c >> 4U];
      out += "0123456789abcdef"[c & 15U];
    }
    return out;
  };
  for (const std::string& position :
       {std::string("x"), std::string(R"(["a"])"), std::string(R"(["a","no uuid"])"), std::string(R"([1,2])"),
        std::string("[\"\xff\",\"00000000-0000-4000-8000-000000000001\"]"),
        std::string(R"(["\u0000","00000000-0000-4000-8000-000000000001"])"), std::string("{}")}) {
    INFO(position);
    const auto answer = areas.get(
        "/api/v1/organizations?limit=1&cursor=" + cursor.substr(0, 8) + hex(position), token_of(admin));
    CHECK(answer.status == 400);
    CHECK(code_of(answer) == "cursor_invalid");
  }
}

TEST_CASE("An operator adds an organization once, whatever is repeated") {
  Areas areas;
  const http_server::Headers key{{"Idempotency-Key", "k1"}};
  const auto added = areas.ask("POST", "/api/v1/organizations", operator_token(), {{"name", "Contoso"}}, key);
  REQUIRE(added.status == 201);
  const Json document = World::json(added);
  CHECK(World::header(added, "Location") ==
        "http://rollcall.test/api/v1/organizations/" + document["id"].get<std::string>());
  CHECK(document["tenant_id"] == entra::tenant);
  CHECK(document["group"].is_null());
  CHECK(areas.ask("POST", "/api/v1/organizations", operator_token(), {{"name", "Contoso"}}, key).body ==
        added.body);
  CHECK(areas.world.database.query("SELECT FROM directory.organizations").size() == 1);
  CHECK(areas.audited() == std::vector<std::string>{"organization_added"});
  CHECK(areas.ask("POST", "/api/v1/organizations", token_of(admin), {{"name", "X"}}).status == 403);
  for (const Json& body :
       {Json{{"name", ""}}, Json{{"name", "  "}}, Json{{"name", "a\nb"}}, Json{{"name", 7}}}) {
    INFO(body.dump());
    const auto wrong = areas.ask("POST", "/api/v1/organizations", operator_token(), body);
    CHECK(wrong.status == 400);
    CHECK(pointer_of(wrong) == "/name");
  }
  CHECK(areas.ask("POST", "/api/v1/organizations", operator_token(), {{"name", "X"}, {"id", "x"}}).status ==
        400);
}

TEST_CASE("An organization is changed by its administrator, against the version that was read") {
  Areas areas;
  const std::string path = "/api/v1/organizations/" + areas.world.add_organization("Contoso").to_string();
  const auto read = areas.get(path, token_of(admin));
  REQUIRE(read.status == 200);
  CHECK(World::json(read)["members"] == 2);
  const auto tag = World::header(read, "ETag");
  const Json change = {{"name", "Contoso Ltd"}, {"removal_policy", "mirror"}};
  const auto changed = areas.ask("PATCH", path, token_of(admin), change, {{"If-Match", tag}});
  REQUIRE(changed.status == 200);
  CHECK(World::json(changed)["name"] == "Contoso Ltd");
  CHECK(World::json(changed)["removal_policy"] == "mirror");
  CHECK(areas.audited() == std::vector<std::string>{"organization_renamed", "policy_changed"});
  CHECK(areas.ask("PATCH", path, token_of(admin), change, {{"If-Match", tag}}).status == 412);
  // Again, and nothing is left to do.
  const auto again =
      areas.ask("PATCH", path, token_of(admin), change, {{"If-Match", World::header(changed, "ETag")}});
  CHECK(again.status == 200);
  CHECK(World::header(again, "ETag") == World::header(changed, "ETag"));
  CHECK(areas.audited().size() == 2);
  for (const Json& body : {Json::object(), Json{{"removal_policy", "all"}}, Json{{"group", nullptr}}}) {
    INFO(body.dump());
    CHECK(areas.ask("PATCH", path, token_of(admin), body).status == 400);
  }
  CHECK(areas.ask("PATCH", path, token_of(member), change).status == 403);
  CHECK(areas.ask("PATCH", path, token_of(stranger), change).status == 404);
  CHECK(areas.ask("DELETE", path, token_of(admin)).status == 405);
}
