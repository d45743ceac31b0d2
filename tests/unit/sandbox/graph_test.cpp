#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;

TEST_CASE("a bind adds up to 20 people or none") {
  Sandbox box;
  const std::string path = "/groups/" + box.group;
  CHECK(box.graph("PATCH", path, Sandbox::bind(2, 20)).status == 204);
  const auto many = box.graph("PATCH", path, Sandbox::bind(30, 21));
  CHECK(many.status == 400);
  CHECK(message(many) == "A resource cannot contain more than 20 link changes");
  const auto known = box.graph("PATCH", path, Sandbox::bind(21, 3));
  CHECK(known.status == 400);
  CHECK(code(known) == "Request_BadRequest");
  CHECK(
      message(known) ==
      "One or more added object references already exist for the following modified properties: 'members'.");
  const auto unknown = box.graph("PATCH", path, Sandbox::bind(59, 4));
  CHECK(unknown.status == 404);
  CHECK(message(unknown).find(Sandbox::user(61)) != std::string::npos);
  CHECK(box.get(path + "/members")["value"].size() == 21);
  CHECK(box.graph("PATCH", path, {{"members@odata.bind", Sandbox::reference(Sandbox::user(40))}}).status ==
        400);
}

TEST_CASE("removal needs /$ref: without it the person is deleted") {
  Sandbox box;
  const std::string member = "/groups/" + box.security + "/members/" + Sandbox::user(1);
  CHECK(box.graph("DELETE", member + "/$ref").status == 204);
  CHECK(box.graph("DELETE", "/groups/" + box.security + "/members/" + Sandbox::user(4) + "/$ref").status ==
        404);
  CHECK(message(box.graph("DELETE", member + "/$ref")).find("do not exist for the following") !=
        std::string::npos);
  CHECK(box.graph("GET", "/users/" + Sandbox::user(1)).status == 200);
  CHECK(box.graph("DELETE", member).status == 204);
  CHECK(box.graph("GET", "/users/" + Sandbox::user(1)).status == 404);
  CHECK(Json::parse(box.send("GET", "/sandbox/stats").body)["removed_users"] == 1);
}

TEST_CASE("member pages are followed by their links to the end") {
  Sandbox box;
  box.post_control(
      "/sandbox/seed",
      {{"generate", {{"users", 2500}, {"groups", Json::array({{{"id", box.group}, {"members", 2500}}})}}}});
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 100);
  Json page = box.get("/groups/" + box.group + "/members?$select=id&$top=999");
  std::size_t count = page["value"].size();
  CHECK(page["value"][0] == Json{{"@odata.type", "#microsoft.graph.user"}, {"id", Sandbox::user(1)}});
  while (page.contains("@odata.nextLink")) {
    page = box.follow(page["@odata.nextLink"]);
    count += page["value"].size();
  }
  CHECK(count == 2500);
  CHECK(box.graph("GET", "/groups/" + box.group + "/members?$top=1000").status == 400);
}

TEST_CASE("counting and casting need advanced queries") {
  Sandbox box;
  const std::string path = "/groups/" + box.security + "/members";
  CHECK(box.graph("GET", path + "/$count").status == 400);
  box.extra = {{"ConsistencyLevel", "eventual"}};
  CHECK(box.graph("GET", path + "/$count").body == "3");
  CHECK(box.graph("GET", path + "/microsoft.graph.user?$count=true").status == 200);
}

TEST_CASE("what may not be written is refused") {
  Sandbox box;
  Json groups = Json::array();
  int number = 10;
  for (const char* kind : {"dynamic", "mail_security", "role_assignable", "on_premises"})
    groups.push_back(
        {{"id", "aaaaaaaa-0000-4000-8000-0000000000" + std::to_string(number++)}, {"kind", kind}});
  CHECK(box.post_control("/sandbox/seed", {{"groups", groups}}).status == 200);
  for (int i = 0; i < 3; ++i)
    CHECK(box.graph("PATCH", "/groups/" + groups[static_cast<std::size_t>(i)]["id"].get<std::string>(),
                    Sandbox::bind(1, 1))
              .status == 403);
  CHECK(box.graph("PATCH", "/groups/" + groups[3]["id"].get<std::string>(), Sandbox::bind(1, 1)).status ==
        400);
  CHECK(box.graph("POST", "/groups/" + box.group + "/members/$ref",
                  {{"@odata.id", Sandbox::reference(box.security)}})
            .status == 400);
}

TEST_CASE("reads see a change only after the lag") {
  Sandbox box;
  box.state.settings.lag = std::chrono::seconds(5);
  CHECK(box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(2, 2)).status == 204);
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 1);
  CHECK(Json::parse(box.send("GET", "/sandbox/groups/" + box.group + "/members").body)["count"] == 3);
  CHECK(box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(2, 1)).status ==
        400);  // writes know the truth
  box.now += std::chrono::seconds(5);
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 3);
}

TEST_CASE("delta reports everything, then what changed, and expires") {
  Sandbox box;
  const std::string path = "/groups/delta?$select=members&$filter=id%20eq%20'" + box.group +
                           "'%20or%20id%20eq%20'" + box.security + "'";
  Json round = box.get(path);
  CHECK(round["value"].size() == 2);
  CHECK(round["value"][1]["members@delta"].size() == 3);
  const Json link = round["@odata.deltaLink"];
  CHECK(box.follow(link)["value"].empty());
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(2, 1));
  box.graph("DELETE", "/groups/" + box.group + "/members/" + Sandbox::user(1) + "/$ref");
  round = box.follow(link);
  REQUIRE(round["value"].size() == 1);
  CHECK(round["value"][0]["members@delta"][0]["id"] == Sandbox::user(2));
  CHECK(round["value"][0]["members@delta"][1]["@removed"]["reason"] == "deleted");
  box.graph("DELETE", "/groups/" + box.group);
  CHECK(box.follow(round["@odata.deltaLink"])["value"][0]["@removed"]["reason"] == "changed");
  box.post_control("/sandbox/expire-delta", {{"mode", "gone"}});
  const auto gone = box.send("GET", link.get<std::string>().substr(14));
  CHECK(gone.status == 410);
  CHECK(
      header(gone, "Location").starts_with("http://sandbox/v1.0/groups/delta?$deltatoken=&$select=members&"));
  CHECK(box.follow(header(gone, "Location"))["value"][0]["id"] == box.security);  // the other one is deleted
  box.now += std::chrono::hours(24 * 8);
  CHECK(code(box.send("GET", link.get<std::string>().substr(14))) == "syncStateNotFound");
  CHECK(box.get("/groups/delta?$deltatoken=latest")["value"].empty());
}

TEST_CASE("a large group's delta comes in pages") {
  Sandbox box;
  box.post_control(
      "/sandbox/seed",
      {{"generate", {{"users", 2500}, {"groups", Json::array({{{"id", box.group}, {"members", 2500}}})}}}});
  Json page = box.get("/groups/delta?$select=members&$filter=id%20eq%20'" + box.group + "'");
  std::size_t count = 0;
  for (;; page = box.follow(page["@odata.nextLink"])) {
    for (const Json& group : page["value"])
      count += group.value("members@delta", Json::array()).size();
    if (page.contains("@odata.deltaLink")) break;
  }
  CHECK(count == 2500);
}

TEST_CASE("people are found by any address, 15 at a time") {
  Sandbox box;
  CHECK(
      box.get(
             "/users?$filter=mail%20in%20('USER1@contoso.example','user2@contoso.example','no@one')")["value"]
          .size() == 2);
  CHECK(box.get("/users?$filter=proxyAddresses/"
                "any(p:p%20eq%20'smtp:user3@contoso.example')%20or%20userPrincipalName%20eq%20'user4@contoso."
                "example'")["value"]
            .size() == 2);
  std::string list = "'a'";
  for (int i = 1; i < 16; ++i)
    list += ",'a'";
  CHECK(box.graph("GET", "/users?$filter=mail%20in%20(" + list + ")").status == 400);
  CHECK(code(box.graph("GET", "/users?$filter=mail%20lt%20'a'")) == "Request_UnsupportedQuery");
  CHECK(box.get("/users/user5@contoso.example")["id"] == Sandbox::user(5));
  CHECK(box.get("/users('user5@contoso.example')")["id"] == Sandbox::user(5));
  const auto found = box.graph("POST", "/directoryObjects/getByIds?$select=id",
                               {{"ids", {Sandbox::user(1), Sandbox::user(999)}}, {"types", {"user"}}});
  CHECK(Json::parse(found.body)["value"].size() == 1);
  CHECK(header(found, "x-ms-resource-unit") == "2");
}

TEST_CASE("a group is created, deleted, told apart and restored") {
  Sandbox box;
  const Json input{
      {"displayName", "Team"},     {"mailNickname", "team"},
      {"mailEnabled", true},       {"securityEnabled", false},
      {"groupTypes", {"Unified"}}, {"owners@odata.bind", {Sandbox::reference(Sandbox::user(1))}}};
  const auto made = box.graph("POST", "/groups", input);
  REQUIRE(made.status == 201);
  const std::string id = Json::parse(made.body)["id"];
  CHECK(box.graph("POST", "/groups", input).status == 400);  // the nickname is taken
  CHECK(box.graph("DELETE", "/groups/" + id + "/owners/" + Sandbox::user(1) + "/$ref").status == 400);
  CHECK(box.graph("DELETE", "/groups/" + id).status == 204);
  CHECK(code(box.graph("GET", "/groups/" + id)) == "Request_ResourceNotFound");
  CHECK(box.graph("GET", "/directory/deletedItems/" + id).status == 200);
  CHECK(box.graph("POST", "/directory/deletedItems/" + id + "/restore").status == 200);
  CHECK(box.graph("GET", "/groups/" + id).status == 200);
  CHECK(box.graph("DELETE", "/groups/" + box.security).status == 204);
  CHECK(box.graph("GET", "/directory/deletedItems/" + box.security).status == 404);
}

TEST_CASE("owners are expanded, at most twenty, and groups are listed by id, at most fifteen") {
  Sandbox box;
  Group& group = *find_group(box.state.directory, *Uuid::parse(box.group));
  const std::string expand = "$select=id,groupTypes&$expand=owners($select=id)";
  CHECK(box.get("/groups/" + box.group + "?" + expand)["owners"] == Json::array());
  for (int i = 1; i <= 25; ++i)
    group.owners.push_back(*Uuid::parse(Sandbox::user(i)));
  const Json shown = box.get("/groups/" + box.group + "?" + expand);
  CHECK(shown["owners"].size() == 20);
  CHECK(shown["owners"][0]["id"] == Sandbox::user(1));
  CHECK_FALSE(shown["owners"][0].contains("displayName"));
  CHECK(shown["groupTypes"] == Json({"Unified"}));
  const auto list = [&](int count) {
    std::string ids = "'" + box.group + "','" + box.security + "'";
    for (int i = 2; i < count; ++i)
      ids += ",'" + Sandbox::user(i) + "'";
    return box.graph("GET", "/groups?$filter=id%20in%20(" + ids + ")&" + expand);
  };
  const auto listed = list(15);
  REQUIRE(listed.status == 200);
  CHECK(Json::parse(listed.body)["value"].size() == 2);
  CHECK(header(listed, "x-ms-resource-unit") == "1");
  CHECK(list(16).status == 400);
  CHECK(box.graph("GET", "/groups/" + box.group + "?$expand=calendar").status == 400);
  // Nobody can say who owns a group that a local directory is master of.
  group.kind = GroupKind::on_premises;
  CHECK(box.get("/groups/" + box.group + "?" + expand)["owners"] == Json::array());
}

TEST_CASE("one group can be refused, missing or broken while the others are not") {
  Sandbox box;
  const auto refuse = [&](int status) {
    return box.post_control("/sandbox/faults", {{"groups", {{box.group, status}}}}).status;
  };
  REQUIRE(refuse(403) == 200);
  CHECK(code(box.graph("GET", "/groups/" + box.group)) == "Authorization_RequestDenied");
  CHECK(box.graph("GET", "/groups/" + box.group + "/members").status == 403);
  CHECK(box.graph("GET", "/groups/" + box.security).status == 200);
  CHECK(box.get("/groups")["value"].size() == 1);
  REQUIRE(refuse(404) == 200);
  CHECK(code(box.graph("GET", "/groups/" + box.group)) == "Request_ResourceNotFound");
  CHECK(box.graph("GET", "/directory/deletedItems/" + box.group).status == 404);
  REQUIRE(refuse(503) == 200);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 503);
  CHECK(refuse(200) == 400);
  REQUIRE(box.post_control("/sandbox/faults", Json::object()).status == 200);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 200);
}

TEST_CASE("a group with an alternate key is made once, however often it is asked for") {
  Sandbox box;
  const std::string path = "/groups(uniqueName='staff-1')";
  const Json input{{"displayName", "Staff"},
                   {"mailNickname", "staff"},
                   {"mailEnabled", true},
                   {"securityEnabled", true},
                   {"groupTypes", {"Unified"}}};
  CHECK(box.graph("PATCH", path, input).status == 404);  // no upsert without Prefer
  box.extra = {{"Prefer", "create-if-missing"}};
  const auto made = box.graph("PATCH", path, input);
  REQUIRE(made.status == 201);
  const Json group = Json::parse(made.body);
  CHECK(group["uniqueName"] == "staff-1");
  CHECK(group["securityEnabled"] == true);
  CHECK(box.graph("PATCH", path, input).status == 204);
  CHECK(box.get(path)["id"] == group["id"]);
  CHECK(box.graph("DELETE", "/groups/" + group["id"].get<std::string>()).status == 204);
  CHECK(box.graph("GET", path).status == 404);
}

TEST_CASE("a group just created may not be written or read yet") {
  Sandbox box;
  box.state.settings.lag = std::chrono::seconds(5);
  const auto made = box.graph(
      "POST", "/groups",
      {{"displayName", "S"}, {"mailNickname", "s"}, {"mailEnabled", false}, {"securityEnabled", true}});
  const std::string id = Json::parse(made.body)["id"];
  CHECK(box.graph("GET", "/groups/" + id).status == 404);
  CHECK(message(box.graph("PATCH", "/groups/" + id, Sandbox::bind(1, 1))) ==
        "The source resource object or one of the objects being referenced don't exist");
}
