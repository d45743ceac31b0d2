#include "common/core/percent.h"
#include "common/crypto/crypto.h"
#include "ops/sandbox/graph/jwt.h"
#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"
#include "tests/unit/sandbox/test_certificate.h"

using namespace rollcall;
using namespace rollcall::sandbox_graph;

namespace {

const std::string tenant = "7e2a1c00-5a1e-4c0d-8e11-0000000000f0";
const std::string root = "http://sandbox/" + tenant;
const std::string verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

http_server::Response post_token(Sandbox& box, const std::string& body) {
  return handle({"POST", "/" + tenant + "/oauth2/v2.0/token", {{"Host", "sandbox"}}, body}, box.state,
                box.now);
}
int number(const http_server::Response& response) {
  return Json::parse(response.body)["error_codes"][0];
}
Json get(Sandbox& box, const std::string& path) {
  return Json::parse(box.send("GET", path).body);
}

std::string with_assertion(const std::string& assertion) {
  return "grant_type=client_credentials&client_id=app&scope=http%3A%2F%2Fsandbox%2F.default"
         "&client_assertion_type=" +
         percent_encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
         "&client_assertion=" + assertion;
}
long seconds(const Sandbox& box) {
  return static_cast<long>(
      std::chrono::duration_cast<std::chrono::seconds>(box.now.time_since_epoch()).count());
}
std::string assertion(const Sandbox& box, const std::string& audience = root + "/oauth2/v2.0/token") {
  return crypto::client_assertion(test_certificate, "app", audience, seconds(box));
}

std::string sign_in(const std::string& extra = {}) {
  return "/" + tenant + "/oauth2/v2.0/authorize?client_id=app&response_type=code&state=s%26t" +
         "&redirect_uri=" + percent_encode("https://app.example/back?x=1") +
         "&scope=" + percent_encode("openid profile offline_access http://sandbox/Mail.Read") +
         "&code_challenge_method=S256&code_challenge=" + crypto::base64url(crypto::sha256(verifier)) +
         "&login_hint=user2%40contoso.example" + extra;
}
std::string code_of(const http_server::Response& response) {
  const std::string to = header(response, "Location");
  const auto from = to.find("code=") + 5;
  return to.substr(from, to.find('&', from) - from);
}
std::string with_code(const std::string& code, const std::string& proof = verifier,
                      const std::string& redirect = "https://app.example/back?x=1") {
  return "grant_type=authorization_code&client_id=app&client_secret=s&code=" + code +
         "&redirect_uri=" + percent_encode(redirect) + "&code_verifier=" + proof;
}
std::string with_refresh(const Json& token) {
  return "grant_type=refresh_token&client_id=app&client_secret=s&refresh_token=" + token.get<std::string>();
}

/// Verified with the key the key set names; RSA with PKCS #1 padding has but one signature.
bool verifies(Sandbox& box, const std::string& token) {
  const auto jwt = parse_jwt(token);
  if (!jwt || jwt->header["alg"] != "RS256") return false;
  const Json keys = get(box, "/" + tenant + "/discovery/v2.0/keys");
  for (const SigningKey& key : box.state.entra.keys)
    for (const Json& published : keys["keys"])
      if (key.kid() == jwt->header["kid"] && published["kid"] == key.kid() &&
          published["n"] == key.jwk()["n"])
        return key.sign_rs256(jwt->signed_part) == jwt->signature;
  return false;
}

}  // namespace

TEST_CASE("an assertion is checked against the registered certificate") {
  Sandbox box;
  box.state.settings.certificate = Certificate::from_pem(test_certificate);
  const std::string good = assertion(box);
  CHECK(post_token(box, with_assertion(good)).status == 200);
  const auto again = post_token(box, with_assertion(good));
  CHECK(again.status == 401);
  CHECK(number(again) == 50027);  // its jti was used
  CHECK(number(post_token(box, with_assertion(assertion(box, "http://other/token")))) == 700023);
  const std::string late = assertion(box);
  box.now += std::chrono::minutes(11);
  CHECK(number(post_token(box, with_assertion(late))) == 700024);
  std::string bent = assertion(box);
  bent[bent.size() - 20] = bent[bent.size() - 20] == 'A' ? 'B' : 'A';
  CHECK(number(post_token(box, with_assertion(bent))) == 700027);
  const std::string other = SigningKey::generate().sign_rs256("x");
  const Json header_json{{"alg", "PS256"}, {"typ", "JWT"}, {"x5t#S256", "unknown"}};
  CHECK(number(post_token(box, with_assertion(crypto::base64url(header_json.dump()) + "." +
                                              crypto::base64url("{}") + "." + crypto::base64url(other)))) ==
        700027);
  CHECK(number(post_token(box, with_assertion("a.b"))) == 50027);
}

TEST_CASE("discovery and keys fit the tokens") {
  Sandbox box;
  const Json v2 = get(box, "/" + tenant + "/v2.0/.well-known/openid-configuration");
  CHECK(v2["issuer"] == root + "/v2.0");
  CHECK(v2["jwks_uri"] == root + "/discovery/v2.0/keys");
  CHECK(get(box, "/common/v2.0/.well-known/openid-configuration")["issuer"] ==
        "http://sandbox/{tenantid}/v2.0");
  const auto minted = [&](const Json& input) {
    return Json::parse(box.post_control("/sandbox/token", input).body);
  };
  const Json made = minted({{"user", "user3@contoso.example"},
                            {"audience", "api"},
                            {"tenant", tenant},
                            {"roles", {"Rollcall.Admin"}}});
  const std::string token = made["access_token"];
  CHECK(verifies(box, token));
  const Json claims = parse_jwt(token)->claims;
  CHECK(claims["iss"] == v2["issuer"]);
  CHECK(claims["aud"] == "api");
  CHECK(claims["oid"] == Sandbox::user(3));
  CHECK(claims["tid"] == tenant);
  CHECK(claims["ver"] == "2.0");
  CHECK(claims["scp"] == "access_as_user");
  CHECK(claims["roles"] == Json{"Rollcall.Admin"});
  CHECK(claims["preferred_username"] == "user3@contoso.example");
  CHECK(claims["exp"].get<long>() == seconds(box) + 3600);
  CHECK(box.send("GET", "/v1.0/users").status == 200);
  http_server::Request with_it{
      "GET", "/v1.0/users", {{"Host", "sandbox"}, {"Authorization", "Bearer " + token}}, ""};
  CHECK(handle(with_it, box.state, box.now).status == 401);  // it is not for Graph
  const Json app = minted({{"app", true}, {"version", 1}, {"claims", {{"extra", 1}, {"idtyp", nullptr}}}});
  CHECK(app["claims"]["ver"] == "1.0");
  CHECK(app["claims"]["appidacr"] == "1");
  CHECK(app["claims"]["extra"] == 1);
  CHECK_FALSE(app["claims"].contains("idtyp"));
  CHECK_FALSE(app["claims"].contains("scp"));
  CHECK(box.post_control("/sandbox/token", {{"user", "nobody@x"}}).status == 400);
  CHECK(box.post_control("/sandbox/roll-keys", Json::object()).status == 200);
  CHECK(get(box, "/" + tenant + "/discovery/v2.0/keys")["keys"].size() == 2);
  CHECK(verifies(box, token));
  box.post_control("/sandbox/roll-keys", {{"drop_old", true}});
  CHECK_FALSE(verifies(box, token));
}

TEST_CASE("a person signs in with PKCE and goes on with refresh tokens") {
  Sandbox box;
  const auto back = box.send("GET", sign_in());
  REQUIRE(back.status == 302);
  CHECK(header(back, "Location").starts_with("https://app.example/back?x=1&code="));
  CHECK(header(back, "Location").find("&state=s%26t&") != std::string::npos);
  const std::string code = code_of(back);
  CHECK(number(post_token(box, with_code(code, verifier, "https://app.example/"))) == 500112);
  CHECK(number(post_token(box, with_code(code, std::string(43, 'x')))) == 501481);
  const auto answer = post_token(box, with_code(code));
  REQUIRE(answer.status == 200);
  const Json tokens = Json::parse(answer.body);
  CHECK(tokens["scope"] == "Mail.Read");
  CHECK(verifies(box, tokens["access_token"]));
  CHECK(parse_jwt(tokens["id_token"])->claims["oid"] == Sandbox::user(2));
  CHECK(parse_jwt(tokens["id_token"])->claims["aud"] == "app");
  CHECK(number(post_token(box, with_code(code))) == 54005);
  const Json first = Json::parse(post_token(box, with_refresh(tokens["refresh_token"])).body);
  CHECK(first["refresh_token"] != tokens["refresh_token"]);
  CHECK(post_token(box, with_refresh(tokens["refresh_token"])).status == 200);  // the old one is not revoked
  box.post_control("/sandbox/revoke", {{"user", Sandbox::user(2)}});
  CHECK(number(post_token(box, with_refresh(first["refresh_token"]))) == 50173);
}

TEST_CASE("a grant that ends says what the client can do about it") {
  struct End {
    const char *how, *error, *suberror;
    int number;
  };
  for (const End& end : {End{"sessions", "invalid_grant", "bad_token", 50173},
                         End{"consent", "invalid_grant", "consent_required", 65001},
                         End{"policy", "interaction_required", "basic_action", 50076}}) {
    INFO(end.how);
    Sandbox box;
    const Json tokens = Json::parse(post_token(box, with_code(code_of(box.send("GET", sign_in())))).body);
    box.post_control("/sandbox/revoke", {{"user", Sandbox::user(2)}, {"how", end.how}});
    const auto answer = post_token(box, with_refresh(tokens["refresh_token"]));
    CHECK(answer.status == 400);
    CHECK(number(answer) == end.number);
    CHECK(Json::parse(answer.body)["error"] == end.error);
    CHECK(Json::parse(answer.body)["suberror"] == end.suberror);
    box.now += std::chrono::seconds(1);  // whoever signs in anew goes on
    const Json anew = Json::parse(post_token(box, with_code(code_of(box.send("GET", sign_in())))).body);
    CHECK(post_token(box, with_refresh(anew["refresh_token"])).status == 200);
  }
}

TEST_CASE("an answer with tokens may be lost on its way") {
  Sandbox box;
  const Json tokens = Json::parse(post_token(box, with_code(code_of(box.send("GET", sign_in())))).body);
  box.post_control("/sandbox/faults", {{"token_cut_rate", 1}});
  CHECK(post_token(box, with_refresh(tokens["refresh_token"])).status == 0);
  box.post_control("/sandbox/faults", Json::object());
  CHECK(post_token(box, with_refresh(tokens["refresh_token"])).status == 200);
}

TEST_CASE("codes and refresh tokens end") {
  Sandbox box;
  const std::string code = code_of(box.send("GET", sign_in()));
  const Json kept = Json::parse(post_token(box, with_code(code_of(box.send("GET", sign_in())))).body);
  box.now += std::chrono::minutes(11);
  CHECK(number(post_token(box, with_code(code))) == 70008);
  box.now += std::chrono::hours(24 * 91);
  const auto late = post_token(box, with_refresh(kept["refresh_token"]));
  CHECK(number(late) == 700082);
  CHECK(Json::parse(late.body)["error"] == "invalid_grant");
}

TEST_CASE("a sign-in goes back to registered addresses only") {
  Sandbox box;
  box.state.settings.redirect_uris = {"https://app.example/back"};
  const auto wrong = box.send("GET", sign_in());  // with a query it is another address
  CHECK(wrong.status == 400);
  CHECK(header(wrong, "Location").empty());
  CHECK(wrong.body.find("AADSTS50011") != std::string::npos);
  box.state.settings.redirect_uris.push_back("https://app.example/back?x=1");
  CHECK(box.send("GET", sign_in()).status == 302);
  const auto form = box.send("GET", sign_in("&response_mode=form_post"));
  CHECK(form.status == 200);
  CHECK(form.body.find("name=\"state\" value=\"s&amp;t\"") != std::string::npos);
  box.post_control("/sandbox/faults", {{"sign_in_error", "access_denied"}});
  CHECK(header(box.send("GET", sign_in()), "Location").find("error=access_denied") != std::string::npos);
}
