#include "common/schema/validator.h"
#include "tests/integration/front/areas.h"

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

struct Office {
  Areas areas;
  Uuid id = areas.world.add_organization("Contoso");
  std::string path = "/api/v1/organizations/" + id.to_string() + "/roster";

  /// The administrator stays on the roster, so that the next request is let in.
  Json with_admin(std::initializer_list<Json> others) const {
    Json members =
        Json::array({{{"email", admin + "@contoso.example"}, {"role", "admin"}, {"object_id", admin}}});
    for (const auto& one : others)
      members.push_back(one);
    return {{"members", members}};
  }
  front::Response put(const Json& body, http_server::Headers headers = {}) {
    return areas.ask("PUT", path, token_of(admin), body, std::move(headers));
  }
  std::vector<Json> events() { return areas.stored("rollcall.roster-events"); }
};

}  // namespace

TEST_CASE("A roster is read in pages with its version") {
  Office office;
  for (int i = 0; i < 5; ++i)
    office.areas.world.database.execute(
        "INSERT INTO directory.members (organization_id, email) VALUES ($1::uuid, $2)",
        {postgres::value(office.id), postgres::value("p" + std::to_string(i) + "@contoso.example")});
  int pages = 0;
  const auto people = office.areas.walk(office.path + "?limit=3", token_of(admin), &pages);
  CHECK(people.size() == 7);
  CHECK(pages == 3);
  CHECK(people[2]["email"] == "p0@contoso.example");
  CHECK(people[2]["resolution"] == "not_yet");
  CHECK(World::header(office.areas.get(office.path, token_of(admin)), "ETag") == "\"0\"");
  CHECK(office.areas.get(office.path, token_of(member)).status == 403);
}

TEST_CASE("A whole roster is put once; a sync is announced once; the second time nothing changes") {
  Office office;
  const Json roster = office.with_admin({{{"email", " Ada@Contoso.Example "}, {"display_name", "Ada"}}});
  const auto put = office.put(roster, {{"If-Match", "\"0\""}});
  REQUIRE(put.status == 200);
  CHECK(World::json(put) ==
        Json({{"added", 1}, {"changed", 0}, {"departed", 1}, {"unchanged", 1}, {"roster_version", 1}}));
  CHECK(World::header(put, "ETag") == "\"1\"");
  REQUIRE(office.events().size() == 1);
  CHECK(office.events()[0]["organization_id"] == office.id.to_string());
  CHECK(office.events()[0]["roster_version"] == 1);
  CHECK_FALSE(schema::Validator().check("rollcall.roster-event.v1", office.events()[0]));
  CHECK(office.put(roster, {{"If-Match", "\"0\""}}).status == 412);
  const auto again = office.put(roster, {{"If-Match", "\"1\""}});
  CHECK(World::json(again)["unchanged"] == 2);
  CHECK(World::json(again)["roster_version"] == 1);
  CHECK(office.events().size() == 1);
  CHECK(office.areas.audited() == std::vector<std::string>{"roster_imported"});
}

TEST_CASE("Mistakes in a roster are told by their place, and nothing changes") {
  Office office;
  struct Case {
    Json body;
    std::string pointer;
  };
  const std::string id = "1b2d4c1e-0000-4000-8000-000000000001";
  for (const auto& [body, pointer] : std::vector<Case>{
           {Json::object(), ""},
           {{{"members", 7}}, "/members"},
           {{{"members", {{{"mail", "a@b.c"}}}}}, "/members/0"},
           {{{"members", {{{"email", "nobody"}}}}}, "/members/0/email"},
           {{{"members", {{{"email", "a@b.c"}}, {{"email", "A@b.c"}}}}}, "/members/1/email"},
           {{{"members", {{{"email", "a@b.c"}, {"role", "two words"}}}}}, "/members/0/role"},
           {{{"members", {{{"email", "a@b.c"}, {"display_name", "a\nb"}}}}}, "/members/0/display_name"},
           {{{"members", {{{"email", "a@b.c"}, {"display_name", std::string("a\0b", 3)}}}}},
            "/members/0/display_name"},
           {{{"members", {{{"email", "a@b.c"}, {"object_id", "x"}}}}}, "/members/0/object_id"},
           {{{"members", {{{"email", "a@b.c"}, {"object_id", id}}, {{"email", "b@b.c"}, {"object_id", id}}}}},
            "/members/1/object_id"},
       }) {
    INFO(body.dump());
    const auto answer = office.put(body);
    CHECK(answer.status == 400);
    CHECK(pointer_of(answer) == pointer);
  }
  CHECK(office.events().empty());
  CHECK(office.areas.walk(office.path, token_of(admin)).size() == 2);
}

TEST_CASE("One person is added, changed and departs; each time the version rises and a sync is announced") {
  Office office;
  const std::string ada = office.path + "/members/Ada%40contoso.example";
  const auto put = [&](const Json& body, http_server::Headers headers = {}) {
    return office.areas.ask("PUT", ada, token_of(admin), body, std::move(headers));
  };
  const auto added = put({{"display_name", "Ada"}, {"object_id", stranger}}, {{"If-Match", "\"0\""}});
  REQUIRE(added.status == 201);
  CHECK(World::json(added) == Json({{"email", "ada@contoso.example"},
                                    {"display_name", "Ada"},
                                    {"role", "member"},
                                    {"object_id", stranger},
                                    {"roster_version", 1}}));
  // The object id is kept where the body says nothing of it.
  const auto changed = put({{"display_name", "Ada L."}});
  CHECK(changed.status == 200);
  CHECK(World::json(changed)["object_id"] == stranger);
  CHECK(World::json(changed)["roster_version"] == 2);
  CHECK(World::json(put({{"display_name", "Ada L."}}))["roster_version"] == 2);
  CHECK(put(Json::object(), {{"If-Match", "\"1\""}}).status == 412);
  const auto gone = office.areas.ask("DELETE", ada, token_of(admin));
  CHECK(gone.status == 204);
  CHECK(World::header(gone, "ETag") == "\"3\"");
  CHECK(office.areas.ask("DELETE", ada, token_of(admin)).status == 204);
  CHECK(put({{"display_name", "Ada L."}}).status == 201);  // back again
  CHECK(office.events().size() == 4);
  CHECK(office.areas.audited() == std::vector<std::string>{"roster_member_added", "roster_member_changed",
                                                           "roster_member_departed", "roster_member_added"});
  for (const auto& event : office.areas.stored("rollcall.audit")) {
    CHECK(event["member_object_id"] == stranger);
    CHECK(event.dump().find("contoso.example") == std::string::npos);
  }
}

TEST_CASE("What is wrong with one person is told") {
  Office office;
  const auto ask = [&](const std::string& method, const std::string& email, const Json& body = nullptr) {
    return office.areas.ask(method, office.path + "/members/" + email, token_of(admin), body);
  };
  CHECK(code_of(ask("DELETE", "nobody%40contoso.example")) == "roster_member_not_found");
  for (const auto& answer : {ask("DELETE", "nobody"), ask("PUT", "no%20body%40b.c", Json::object()),
                             ask("DELETE", "%ff%40b.c"), ask("DELETE", "a%00%40b.c")}) {
    CHECK(answer.status == 400);
    CHECK(code_of(answer) == "path_invalid");
    CHECK(pointer_of(answer) == "email");
  }
  const auto taken = ask("PUT", "a%40b.c", {{"object_id", member}});
  CHECK(taken.status == 409);
  CHECK(code_of(taken) == "object_id_taken");
  CHECK(pointer_of(ask("PUT", "a%40b.c", {{"role", "two words"}})) == "/role");
  CHECK(pointer_of(ask("PUT", "a%40b.c", {{"object_id", "x"}})) == "/object_id");
  CHECK(office.events().empty());
}

TEST_CASE("A roster of two hundred thousand is taken in one request") {
  Office office;
  Json roster = office.with_admin({});
  for (int i = 1; i < 200'000; ++i)
    roster["members"].push_back({{"email", "person" + std::to_string(i) + "@contoso.example"},
                                 {"display_name", "Person " + std::to_string(i)},
                                 {"role", "member"}});
  const auto put = office.put(roster);
  REQUIRE(put.status == 200);
  CHECK(World::json(put)["added"] == 199'999);
  roster["members"].push_back({{"email", "one@too.many"}});
  CHECK(office.put(roster).status == 400);
}
