#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;

namespace {

std::string filter(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids)
    text += (text.empty() ? "id%20eq%20'" : "%20or%20id%20eq%20'") + id + "'";
  return text;
}

Json latest(Sandbox& box, const std::vector<std::string>& ids, const std::string& select = "members") {
  return box.get("/groups/delta?$deltatoken=latest&$select=" + select +
                 "&$filter=" + filter(ids))["@odata.deltaLink"];
}

std::vector<std::string> fifty(Sandbox& box, const std::string& kind = "microsoft365") {
  const auto made = box.post_control(
      "/sandbox/seed", {{"generate", {{"users", 60}, {"groups", 51}, {"members", 3}, {"kind", kind}}}});
  return Json::parse(made.body)["groups"];
}

}  // namespace

TEST_CASE("one request says which of fifty groups changed") {
  Sandbox box;
  auto ids = fifty(box);
  CHECK(box.graph("GET", "/groups/delta?$select=members&$filter=" + filter(ids)).status == 400);  // 51
  ids.pop_back();
  const Json link = latest(box, ids);
  CHECK(box.follow(link)["value"].empty());
  box.graph("PATCH", "/groups/" + ids[7], Sandbox::bind(40, 2));
  box.graph("DELETE", "/groups/" + ids[7] + "/members/" + Sandbox::user(8) + "/$ref");
  box.graph("DELETE", "/groups/" + ids[9]);
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(40, 2));  // nobody asked about this one
  const auto answer = box.send("GET", link.get<std::string>().substr(14));
  CHECK(header(answer, "x-ms-resource-unit") == "1");
  const Json round = Json::parse(answer.body);
  REQUIRE(round["value"].size() == 2);
  const Json& changed = round["value"][0];
  CHECK(changed["id"] == ids[7]);
  CHECK(changed.size() == 2);  // of what was selected, nothing else changed
  CHECK(changed["members@delta"].size() == 3);
  CHECK(changed["members@delta"][2] == Json{{"@odata.type", "#microsoft.graph.user"},
                                            {"id", Sandbox::user(8)},
                                            {"@removed", {{"reason", "deleted"}}}});
  CHECK(round["value"][1] == Json{{"id", ids[9]}, {"@removed", {{"reason", "changed"}}}});
  CHECK(box.follow(round["@odata.deltaLink"])["value"].empty());
  CHECK(box.follow(link)["value"].size() == 2);  // a link may be used again
}

TEST_CASE("a deleted group is gone for good once purged, by hand or after 30 days") {
  Sandbox box;
  const auto ids = fifty(box);
  const std::vector<std::string> three{ids[0], ids[1], box.security};
  Json link = latest(box, three);
  for (const auto& id : three)
    box.graph("DELETE", "/groups/" + id);
  Json round = box.follow(link);
  REQUIRE(round["value"].size() == 3);
  CHECK(round["value"][0]["@removed"]["reason"] == "changed");
  CHECK(round["value"][2]["@removed"]["reason"] == "deleted");  // a security group is not kept
  CHECK(box.graph("DELETE", "/directory/deletedItems/" + ids[0]).status == 204);
  CHECK(box.graph("POST", "/directory/deletedItems/" + ids[0] + "/restore").status == 404);
  round = box.follow(round["@odata.deltaLink"]);
  REQUIRE(round["value"].size() == 1);
  CHECK(round["value"][0] == Json{{"id", ids[0]}, {"@removed", {{"reason", "deleted"}}}});
  box.state.settings.delta_lifetime = std::chrono::hours(24 * 60);
  box.now += std::chrono::hours(24 * 30);
  CHECK(box.graph("GET", "/directory/deletedItems/" + ids[1]).status == 404);
  CHECK(box.follow(round["@odata.deltaLink"])["value"][0]["@removed"]["reason"] == "deleted");
}

TEST_CASE("a restored group shows up as new, with all its members") {
  Sandbox box;
  const auto ids = fifty(box);
  const Json link = latest(box, {ids[0]});
  box.graph("DELETE", "/groups/" + ids[0]);
  const Json removed = box.follow(link);
  CHECK(box.graph("POST", "/directory/deletedItems/" + ids[0] + "/restore").status == 200);
  const Json round = box.follow(removed["@odata.deltaLink"]);
  REQUIRE(round["value"].size() == 1);
  CHECK_FALSE(round["value"][0].contains("@removed"));
  CHECK(round["value"][0]["members@delta"].size() == 3);
}

TEST_CASE("deleted people stay members until they are purged") {
  Sandbox box;
  const Json link = latest(box, {box.security});
  const std::string person = Sandbox::user(2);
  CHECK(box.graph("DELETE", "/users/" + person).status == 204);
  CHECK(box.follow(link)["value"].empty());
  CHECK(box.graph("GET", "/directory/deletedItems/" + person).status == 200);
  CHECK(box.graph("POST", "/directory/deletedItems/" + person + "/restore").status == 200);
  CHECK(box.graph("GET", "/users/" + person).status == 200);
  box.graph("DELETE", "/users/" + person);
  CHECK(box.graph("DELETE", "/directory/deletedItems/" + person).status == 204);
  const Json round = box.follow(link);
  REQUIRE(round["value"].size() == 1);
  CHECK(round["value"][0]["members@delta"][0]["id"] == person);
  CHECK(round["value"][0]["members@delta"][0].contains("@removed"));
  CHECK(box.get("/groups/" + box.security + "/members")["value"].size() == 2);
}

TEST_CASE("only what was selected is tracked") {
  Sandbox box;
  const Json members = latest(box, {box.group});
  const Json names = latest(box, {box.group}, "displayName");
  box.graph("PATCH", "/groups/" + box.group, {{"displayName", "New name"}});
  CHECK(box.follow(members)["value"].empty());
  CHECK(box.follow(names)["value"][0]["displayName"] == "New name");
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(20, 1));
  CHECK_FALSE(box.follow(names)["value"][0].contains("members@delta"));
  const Json whole = box.get("/groups/delta?$select=displayName&$filter=" + filter({box.security}));
  CHECK_FALSE(whole["value"][0].contains("members@delta"));
}

TEST_CASE("many changes of one group come in pages, each member once") {
  Sandbox box;
  box.post_control("/sandbox/seed", {{"generate", {{"users", 2600}}}});
  const Json link = latest(box, {box.group});
  for (int from = 10; from < 2510; from += 20)
    REQUIRE(box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(from, 20)).status == 204);
  box.post_control("/sandbox/faults", {{"short_page_rate", 0.5}});
  Json page = box.follow(link);
  std::set<std::string> seen;
  std::size_t count = 0, pages = 1;
  for (;; page = box.follow(page["@odata.nextLink"]), ++pages) {
    CHECK(page.contains("@odata.nextLink") != page.contains("@odata.deltaLink"));
    for (const Json& group : page["value"])
      for (const Json& member : group.value("members@delta", Json::array())) {
        seen.insert(member["id"].get<std::string>());
        ++count;
      }
    if (page.contains("@odata.deltaLink")) break;
  }
  CHECK(pages >= 3);
  CHECK(seen.size() == 2500);
  CHECK(count == 2500);
}

TEST_CASE("a read sees a deletion only after the lag") {
  Sandbox box;
  box.state.settings.lag = std::chrono::seconds(5);
  CHECK(box.graph("DELETE", "/groups/" + box.group).status == 204);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 200);
  CHECK(box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(20, 1)).status == 404);
  box.now += std::chrono::seconds(5);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 404);
}
