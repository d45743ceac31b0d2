#include "ops/sandbox/graph/seed.h"
#include "ops/sandbox/graph/snapshot.h"
#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;

namespace {

/// As a restart with --state-file does.
void restart(Sandbox& box) {
  const Json kept = Json::parse(snapshot(box.state).dump());
  auto tokens = box.state.tokens;
  box.state = State{};
  box.state.tokens = std::move(tokens);
  const auto made = seed(box.state, kept, box.now);
  REQUIRE(made.has_value());
}

}  // namespace

TEST_CASE("a restart keeps deleted items and delta links") {
  Sandbox box;
  const std::string path = "/groups/delta?$select=members&$filter=id%20eq%20'" + box.group + "'";
  const Json link = box.get(path)["@odata.deltaLink"];
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(10, 2));
  box.graph("DELETE", "/groups/" + box.group + "/members/" + Sandbox::user(1) + "/$ref");
  box.graph("DELETE", "/users/" + Sandbox::user(30));
  const Json before = box.follow(link);
  restart(box);
  const Json after = box.follow(link);
  CHECK(after["value"] == before["value"]);
  CHECK(box.follow(before["@odata.deltaLink"])["value"].empty());
  CHECK(box.graph("GET", "/users/" + Sandbox::user(30)).status == 404);
  CHECK(box.graph("GET", "/directory/deletedItems/" + Sandbox::user(30)).status == 200);
  box.graph("DELETE", "/groups/" + box.group);
  restart(box);
  CHECK(box.graph("GET", "/groups/" + box.group).status == 404);
  CHECK(box.follow(link)["value"][0]["@removed"]["reason"] == "changed");
  CHECK(box.graph("POST", "/directory/deletedItems/" + box.group + "/restore").status == 200);
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 2);
}

TEST_CASE("a restart gives no id out twice and signs with the same key") {
  Sandbox box;
  const Json group{
      {"displayName", "S"}, {"mailNickname", "s"}, {"mailEnabled", false}, {"securityEnabled", true}};
  const auto first = Json::parse(box.graph("POST", "/groups", group).body)["id"];
  const auto token = [&] {
    return Json::parse(box.post_control("/sandbox/token", Json::object()).body)["access_token"]
        .get<std::string>();
  };
  const std::string header_before = token().substr(0, token().find('.'));
  restart(box);
  CHECK(Json::parse(box.graph("POST", "/groups", group).body)["id"] != first);
  CHECK(token().substr(0, token().find('.')) == header_before);
}

TEST_CASE("a group that was seeded anew has no past") {
  Sandbox box;
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(10, 2));
  box.post_control("/sandbox/seed", {{"groups", {{{"id", box.group}, {"members", {Sandbox::user(5)}}}}}});
  restart(box);
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 1);
}

TEST_CASE("faults that were applied, and whole batches that fail") {
  Sandbox box;
  const std::string group = "/groups/" + box.group;
  box.post_control("/sandbox/faults", {{"rate", 1.0}, {"status", {503}}});
  CHECK(box.graph("PATCH", group, Sandbox::bind(10, 1)).status == 503);
  box.post_control("/sandbox/faults", {{"applied_rate", 1.0}, {"status", {504}}});
  CHECK(box.graph("PATCH", group, Sandbox::bind(20, 1)).status == 504);
  CHECK(box.graph("GET", group).status == 200);  // reads cannot be applied
  box.post_control("/sandbox/faults", {{"applied_rate", 1.0}, {"status", {429}}});
  CHECK(box.graph("PATCH", group, Sandbox::bind(40, 1)).status == 503);  // a 429 says that nothing was done
  box.post_control("/sandbox/faults", {{"envelope_rate", 1.0}, {"status", {429}}});
  const Json part{{"id", "1"},
                  {"method", "PATCH"},
                  {"url", group},
                  {"headers", {{"Content-Type", "application/json"}}},
                  {"body", Sandbox::bind(30, 1)}};
  const auto refused = box.graph("POST", "/$batch", {{"requests", {part}}});
  CHECK(refused.status == 429);
  CHECK(header(refused, "Retry-After") == "1");
  CHECK(Json::parse(box.send("GET", "/sandbox/groups/" + box.group + "/members").body)["count"] == 3);
  box.post_control("/sandbox/faults", {{"token_rate", 1.0}, {"status", {503}}});
  CHECK(box.send("POST", "/t/oauth2/v2.0/token").status == 503);
}
