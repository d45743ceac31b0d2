#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

#include <algorithm>

using namespace rollcall;
using namespace rollcall::sandbox_graph;

namespace {

Json part(const std::string& id, const std::string& method, const std::string& url,
          const Json& body = nullptr) {
  Json out{{"id", id}, {"method", method}, {"url", url}};
  if (!body.is_null()) {
    out["body"] = body;
    out["headers"] = {{"Content-Type", "application/json"}};
  }
  return out;
}

Json by_id(const Json& answer, const std::string& id) {
  for (const Json& one : answer["responses"])
    if (one["id"] == id) return one;
  return nullptr;
}

}  // namespace

TEST_CASE("each part of a batch is judged by itself") {
  Sandbox box;
  Json bare = part("c", "PATCH", "/groups/" + box.group, Sandbox::bind(10, 1));
  bare.erase("headers");
  const Json answer =
      box.batch({part("a", "PATCH", "/groups/" + box.group, Sandbox::bind(2, 2)),
                 part("b", "GET", "/users/nobody"), bare, part("d", "GET", "http://sandbox/v1.0/users"),
                 part("e", "POST", "/$batch", {{"requests", Json::array()}})});
  CHECK(by_id(answer, "a")["status"] == 204);
  CHECK_FALSE(by_id(answer, "a").contains("body"));
  CHECK(by_id(answer, "b")["status"] == 404);
  CHECK(by_id(answer, "b")["body"]["error"]["innerError"].contains("request-id"));
  for (const char* id : {"c", "d", "e"})
    CHECK(by_id(answer, id)["status"] == 400);
}

TEST_CASE("a senseless envelope fails as a whole") {
  Sandbox box;
  Json many = Json::array();
  for (int i = 0; i < 21; ++i)
    many.push_back(part(std::to_string(i), "GET", "/users"));
  CHECK(box.graph("POST", "/$batch", {{"requests", many}}).status == 400);
  CHECK(box.graph("POST", "/$batch", {{"requests", {part("a", "GET", "/users"), part("A", "GET", "/users")}}})
            .status == 400);
  CHECK(box.graph("POST", "/$batch", {{"requests", 5}}).status == 400);
  Json loop = part("a", "GET", "/users");
  loop["dependsOn"] = {"a"};
  CHECK(box.graph("POST", "/$batch", {{"requests", Json::array({loop})}}).status == 400);
}

TEST_CASE("a part whose dependency failed is not tried") {
  Sandbox box;
  Json second = part("2", "PATCH", "/groups/" + box.group, Sandbox::bind(5, 1));
  second["dependsOn"] = {"1"};
  const Json answer = box.batch({second, part("1", "GET", "/users/nobody")});
  CHECK(by_id(answer, "2")["status"] == 424);
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 1);
}

TEST_CASE("answers come in any order") {
  Sandbox box;
  Json parts = Json::array();
  Json sent = Json::array();
  for (int i = 0; i < 20; ++i) {
    parts.push_back(part(std::to_string(i), "GET", "/groups/" + box.group));
    sent.push_back(std::to_string(i));
  }
  Json got = Json::array();
  const Json answer = box.batch(parts);
  for (const Json& one : answer["responses"])
    got.push_back(one["id"]);
  CHECK(got.size() == 20);
  CHECK(got != sent);
}

TEST_CASE("faults: lost parts, cut connections, too many PATCHes") {
  Sandbox box;
  box.post_control("/sandbox/faults", {{"drop_part_rate", 1.0}});
  CHECK(box.batch({part("a", "PATCH", "/groups/" + box.group, Sandbox::bind(2, 1)),
                   part("b", "GET", "/users")})["responses"]
            .empty());
  box.post_control("/sandbox/faults", {{"cut_after_write_rate", 1.0}});
  CHECK(box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(3, 1)).status == 0);
  CHECK(box.get("/groups/" + box.group + "/members")["value"].size() == 3);
  box.post_control("/sandbox/faults", {{"patch_503_above", 5}});
  Json parts = Json::array();
  for (int i = 0; i < 8; ++i)
    parts.push_back(part(std::to_string(i), "PATCH", "/groups/" + box.group, Sandbox::bind(10 + i, 1)));
  const Json answer = box.batch(parts);
  CHECK(std::count_if(answer["responses"].begin(), answer["responses"].end(),
                      [](const Json& one) { return one["status"] == 503; }) == 3);
  box.post_control("/sandbox/faults", {{"rate", 1.0}, {"status", {500}}});
  CHECK(box.graph("GET", "/users").status == 500);
  CHECK(box.post_control("/sandbox/faults", {{"status", 200}}).status == 400);
}
