#include "ops/sandbox/graph/subscriptions.h"

#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;
using namespace std::chrono_literals;

namespace {

const std::string hook = "https://rollcall.example/hooks/graph";

Json asked(const Sandbox& box, std::chrono::milliseconds lifetime = 24h) {
  return {{"changeType", "updated"}, {"resource", "/groups"},
          {"notificationUrl", hook}, {"lifecycleNotificationUrl", hook},
          {"clientState", "secret"}, {"expirationDateTime", to_rfc3339(box.now + lifetime)}};
}
std::string made(Sandbox& box, std::chrono::milliseconds lifetime = 24h) {
  const auto answer = box.graph("POST", "/subscriptions", asked(box, lifetime));
  REQUIRE(answer.status == 201);
  return Json::parse(answer.body)["id"];
}
std::string error_of(const http_server::Response& answer) {
  return std::to_string(answer.status) + " " + text_member(Json::parse(answer.body)["error"], "code");
}

}  // namespace

TEST_CASE("a subscription is made, shown without its secret, renewed and deleted") {
  Sandbox box;
  const std::string path = "/subscriptions/" + made(box);
  CHECK(box.get("/subscriptions")["value"].size() == 1);
  CHECK(box.get(path)["clientState"].is_null());
  const auto later = to_rfc3339(box.now + 24h * 20);
  CHECK(Json::parse(box.graph("PATCH", path, {{"expirationDateTime", later}}).body)["expirationDateTime"] ==
        later);
  CHECK(box.graph("DELETE", path).status == 204);
  CHECK(box.graph("DELETE", path).status == 404);
  CHECK(box.graph("PATCH", path, {{"expirationDateTime", later}}).status == 404);
}

TEST_CASE("a lifetime has bounds, and ends") {
  Sandbox box;
  CHECK(error_of(box.graph("POST", "/subscriptions", asked(box, 41'761min))) == "400 ValidationError");
  CHECK(error_of(box.graph("POST", "/subscriptions", asked(box, -1min))) == "400 ValidationError");
  const std::string path = "/subscriptions/" + made(box, 1min);
  CHECK(box.get(path)["expirationDateTime"] == to_rfc3339(box.now + 45min));
  box.now += 45min;
  CHECK(box.graph("GET", path).status == 404);
}

TEST_CASE("a second one of a kind is refused, or not, as the service does at times") {
  Sandbox box;
  made(box);
  CHECK(error_of(box.graph("POST", "/subscriptions", asked(box))) == "409 Conflict");
  box.post_control("/sandbox/faults", {{"duplicate_subscriptions", true}});
  made(box);
  CHECK(box.get("/subscriptions")["value"].size() == 2);
}

TEST_CASE("what cannot be called or is not permitted is refused") {
  Sandbox box;
  Json plain = asked(box);
  plain["notificationUrl"] = "http://rollcall.example/hooks/graph";
  CHECK(error_of(box.graph("POST", "/subscriptions", plain)) == "400 ValidationError");
  box.post_control("/sandbox/faults", {{"subscriptions", 403}});
  CHECK(box.graph("POST", "/subscriptions", asked(box)).status == 403);
}

TEST_CASE("the handshake asks both addresses and wants the token back as plain text") {
  Sandbox box;
  const auto handshake = handshake_of({"POST", "/v1.0/subscriptions", {}, asked(box).dump()}, box.state);
  REQUIRE(handshake);
  CHECK(handshake->urls.size() == 2);
  CHECK(handshake->url(0).starts_with(hook + "?validationToken=Validation%3A%20"));
  CHECK(handshake->accepts(200, "text/plain; charset=utf-8", handshake->token));
  CHECK_FALSE(handshake->accepts(202, "text/plain", handshake->token));
  CHECK_FALSE(handshake->accepts(200, "application/json", handshake->token));
  CHECK_FALSE(handshake->accepts(200, "text/plain", "Validation%3A"));
  CHECK_FALSE(handshake_of({"GET", "/v1.0/subscriptions", {}, ""}, box.state));
  box.state.handshake_failure = "Subscription validation request failed.";
  CHECK(error_of(box.graph("POST", "/subscriptions", asked(box))) == "400 ValidationError");
}

TEST_CASE("changes of groups are told once, to whom they concern") {
  Sandbox box;
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(2, 3));
  CHECK(take_notifications(box.state, box.now).empty());
  const std::string id = made(box);
  CHECK(take_notifications(box.state, box.now).empty());
  box.graph("PATCH", "/groups/" + box.group, Sandbox::bind(7, 3));
  const auto told = take_notifications(box.state, box.now);
  REQUIRE(told.size() == 1);
  CHECK(told[0].url == hook);
  const Json items = Json::parse(told[0].body)["value"];
  REQUIRE(items.size() == 1);
  CHECK(items[0]["subscriptionId"] == id);
  CHECK(items[0]["clientState"] == "secret");
  CHECK(items[0]["resource"] == "Groups/" + box.group);
  CHECK(items[0]["changeType"] == "updated");
  CHECK(take_notifications(box.state, box.now).empty());
}

TEST_CASE("a subscriber is told once that the end is near, and by hand of anything") {
  Sandbox box;
  made(box, 1h);
  box.now += 46min;
  const auto told = take_notifications(box.state, box.now);
  REQUIRE(told.size() == 1);
  CHECK(Json::parse(told[0].body)["value"][0]["lifecycleEvent"] == "reauthorizationRequired");
  CHECK(take_notifications(box.state, box.now).empty());
  CHECK(box.post_control("/sandbox/lifecycle", {{"event", "subscriptionRemoved"}}).status == 200);
  CHECK(take_notifications(box.state, box.now).size() == 1);
  CHECK(box.get("/subscriptions")["value"].empty());
  CHECK(box.post_control("/sandbox/lifecycle", {{"event", "unheard-of"}}).status == 400);
}
