#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;

namespace {
http_server::Response ask(Sandbox& box, const std::string& body, const std::string& tenant = "tenant") {
  return handle({"POST", "/" + tenant + "/oauth2/v2.0/token", {{"Host", "sandbox"}}, body}, box.state,
                box.now);
}
const std::string good =
    "grant_type=client_credentials&client_id=app&client_secret=s%2Bcret&scope=http%3A%2F%2Fsandbox%2F."
    "default";
Json first_code(const http_server::Response& response) {
  return Json::parse(response.body)["error_codes"][0];
}
}  // namespace

TEST_CASE("a token opens Graph until it ends") {
  Sandbox box;
  const auto answer = ask(box, good);
  REQUIRE(answer.status == 200);
  const Json token = Json::parse(answer.body);
  CHECK(token["expires_in"] >= 3599);
  CHECK(token["expires_in"] < 5400);
  http_server::Request request{
      "GET",
      "/v1.0/users",
      {{"Host", "sandbox"}, {"authorization", "Bearer " + token["access_token"].get<std::string>()}},
      ""};
  CHECK(handle(request, box.state, box.now).status == 200);
  const auto late = handle(request, box.state, box.now + std::chrono::minutes(90));
  CHECK(late.status == 401);
  CHECK(code(late) == "InvalidAuthenticationToken");
}

TEST_CASE("what Entra refuses") {
  Sandbox box;
  box.state.settings.tenant = "tenant";
  box.state.settings.client_id = "app";
  box.state.settings.client_secret = "s+cret";
  CHECK(ask(box, good).status == 200);
  CHECK(first_code(ask(box, good, "other")) == 90002);
  const auto wrong =
      ask(box, "grant_type=client_credentials&client_id=app&client_secret=no&scope=x/.default");
  CHECK(wrong.status == 401);
  CHECK(first_code(wrong) == 7000215);
  CHECK(Json::parse(wrong.body)["error"] == "invalid_client");
  CHECK(Json::parse(wrong.body)["error_description"].get<std::string>().starts_with("AADSTS7000215: "));
  CHECK(first_code(ask(
            box, "grant_type=client_credentials&client_id=who&client_secret=no&scope=x/.default")) == 700016);
  CHECK(first_code(
            ask(box, "grant_type=client_credentials&client_id=app&client_secret=s%2Bcret&scope=User.Read")) ==
        70011);
  CHECK(first_code(ask(box, "grant_type=client_credentials&client_id=app&scope=x/.default")) == 7000218);
  CHECK(first_code(ask(box, "")) == 900144);
}
