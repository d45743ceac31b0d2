#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

/// Every way to be refused, one row each: by the reason it is there for, and by what a caller then sees.
using namespace rollcall;
using namespace rollcall::auth_test;

namespace {

struct Row {
  std::string name, compact, why;
};

/// The reason in the log; "accepted" where there is none.
std::string why(const std::string& compact, auth::Policy rules = policy(), WallTime now = {},
                const Signer& by = signer()) {
  if (now == WallTime{}) now = fakes::ManualClock().wall();
  const auto parsed = auth::parse(compact);
  if (!parsed) return parsed.error().message;
  const auto keys = auth::read_key_set(key_set({by}).dump());
  REQUIRE(keys);
  if (parsed->kid != keys->front().kid) return "unknown kid";
  const auto caller = auth::verify(*parsed, keys->front(), rules, now);
  return caller ? "accepted" : caller.error().message;
}

/// `compact` with another third segment.
std::string signed_otherwise(const std::string& compact, const std::string& signature) {
  return compact.substr(0, compact.rfind('.') + 1) + signature;
}

std::string with_mac(const std::string& key) {
  const std::string signed_part =
      crypto::base64url(header_but({{"alg", "HS256"}}).dump()) + "." + crypto::base64url(claims().dump());
  return signed_part + "." + crypto::base64url(hmac_sha256(key, signed_part));
}

/// One member more, before or behind the others.
std::string twice(const Json& object, const std::string& member, bool first) {
  const std::string text = object.dump();
  return first ? "{" + member + "," + text.substr(1) : text.substr(0, text.size() - 1) + "," + member + "}";
}

std::string payload(const std::string& text) {
  return compact(header().dump(), text);
}

std::string flipped(std::string text, std::size_t at) {
  text[at] = text[at] == 'A' ? 'B' : 'A';
  return text;
}

void refuse(std::vector<Row> rows) {
  REQUIRE(why(token()) == "accepted");
  Authority microsoft;
  fakes::ManualClock clock;
  metrics::Registry registry("test");
  auth::Authenticator authenticator(settings(), microsoft.transport, clock, registry);
  clock.advance(std::chrono::minutes(6));  // an unknown kid may be asked for
  const auto asked = microsoft.transport.requests().size();
  for (const auto& row : rows) {
    INFO(row.name);
    CHECK_THAT(why(row.compact), Catch::Contains(row.why));
    std::optional<Result<auth::Caller>> answer;
    authenticator.authenticate("Bearer " + row.compact,
                               [&](Result<auth::Caller> got) { answer = std::move(got); });
    REQUIRE(answer);
    REQUIRE_FALSE(*answer);
    CHECK(answer->error().code == "token_invalid");
    CHECK(answer->error().message == "The access token is not valid here.");
  }
  CHECK(microsoft.transport.requests().size() == asked);
}

}  // namespace

TEST_CASE("no algorithm but RS256, spelled so") {
  std::vector<Row> rows;
  for (const char* alg : {"none", "NONE", "nOnE", "rs256", "HS256", "ES256", "PS256", "RS384", "RS512", ""}) {
    const auto text = compact(header_but({{"alg", alg}}).dump(), claims().dump());
    rows.push_back({std::string("alg ") + alg, text, "alg is not RS256"});
    rows.push_back({std::string("alg, signature empty ") + alg, signed_otherwise(text, ""), "empty"});
  }
  rows.push_back(
      {"missing", compact(header_but({{"alg", nullptr}}).dump(), claims().dump()), "alg is not RS256"});
  rows.push_back(
      {"a list", compact(header_but({{"alg", {"RS256"}}}).dump(), claims().dump()), "alg is not RS256"});
  std::string pem = signer().public_pem();
  rows.push_back({"HS256 by PEM", with_mac(pem), "alg is not RS256"});
  pem.pop_back();
  rows.push_back({"HS256 by PEM without newline", with_mac(pem), "alg is not RS256"});
  rows.push_back({"HS256 by DER", with_mac(signer().public_der()), "alg is not RS256"});
  const auto elliptic = Signer::p256("key-1");
  rows.push_back(
      {"ES256", compact(header_but({{"alg", "ES256"}}).dump(), claims().dump(), elliptic, "ES256"), "alg"});
  for (const char* alg : {"PS256", "RS384"}) {
    rows.push_back({alg, compact(header_but({{"alg", alg}}).dump(), claims().dump(), signer(), alg), "alg"});
    rows.push_back({std::string("called RS256: ") + alg,
                    compact(header().dump(), claims().dump(), signer(), alg), "signature"});
  }
  refuse(rows);
}

TEST_CASE("no signature but the key's over these very bytes") {
  const std::string good = token();
  const std::string other = token(claims_but({{"oid", client}}));
  const auto segment = [](const std::string& text) { return text.substr(text.rfind('.') + 1); };
  const std::string bytes = *crypto::base64url_decode(segment(good));
  const std::string stranger = token(claims(), Signer::rsa("key-1"));
  refuse({{"stripped, with the dot", signed_otherwise(good, ""), "empty"},
          {"stripped, without it", good.substr(0, good.rfind('.')), "three segments"},
          {"truncated", signed_otherwise(good, crypto::base64url(bytes.substr(0, 255))), "signature"},
          {"bit flipped", flipped(good, good.rfind('.') + 9), "signature"},
          {"of another token", signed_otherwise(good, segment(other)), "signature"},
          {"by a stranger's key of the same kid", stranger, "signature"},
          {"payload flipped", flipped(good, good.find('.') + 12), "signature"},
          {"longer by a byte", signed_otherwise(good, crypto::base64url(bytes + "x")), "signature"}});
}

TEST_CASE("nothing but a compact JWS in strict base64url") {
  const std::string good = token();
  const auto first = good.find('.');
  std::string bits = good;  // 256 bytes leave four bits that mean nothing
  bits.back() = bits.back() == 'B' ? 'C' : 'B';
  const Json general{{"payload", crypto::base64url(claims().dump())}, {"signatures", Json::array()}};
  std::string plus = good;
  plus[first + 3] = '+';
  std::string slash = good;
  slash[first + 3] = '/';
  refuse({{"one segment", "abc", "three segments"},
          {"2 segments", good.substr(0, good.rfind('.')), "three segments"},
          {"4 segments", good + ".AAAA", "three segments"},
          {"5 segments, as a JWE has", good + ".AAAA.AAAA", "three segments"},
          {"only dots", "..", "empty"},
          {"JSON serialization", general.dump(), "three segments"},
          {"padding", good + "=", "base64url"},
          {"padding inside", good.substr(0, first) + "=" + good.substr(first), "base64url"},
          {"white space inside", good.substr(0, 9) + "\n" + good.substr(9), "base64url"},
          {"NUL inside", good.substr(0, 9) + std::string(1, '\0') + good.substr(9), "base64url"},
          {"+", plus, "base64url"},
          {"/", slash, "base64url"},
          {"bits that mean nothing", bits, "base64url"},
          {"longer than 16 KiB", token(claims_but({{"x", std::string(13'000, 'x')}})), "16 KiB"}});
}

TEST_CASE("nothing in the header leads to another key, and no request is made") {
  const Signer attacker = Signer::rsa("attacker");
  const auto by_attacker = [&](const Json& extra, const char* kid) {
    Json all = header_but({{"kid", kid}});
    all.merge_patch(extra);
    return compact(all.dump(), claims().dump(), attacker);
  };
  refuse({{"jwk", by_attacker({{"jwk", attacker.jwk()}}, "key-1"), "signature"},
          {"jku", by_attacker({{"jku", "https://attacker.example/keys"}}, "key-1"), "signature"},
          {"x5u", by_attacker({{"x5u", "https://attacker.example/cert"}}, "key-1"), "signature"},
          {"x5c", by_attacker({{"x5c", {"MIIB"}}}, "key-1"), "signature"},
          {"kid a path", by_attacker(Json::object(), "../../x"), "kid is not"},
          {"kid SQL", by_attacker(Json::object(), "' OR 1=1 --"), "kid is not"},
          {"kid a URL", by_attacker(Json::object(), "https://attacker.example/"), "kid is not"},
          {"kid of 129", by_attacker(Json::object(), std::string(129, 'a').c_str()), "kid is not"},
          {"kid empty", by_attacker(Json::object(), ""), "kid is not"},
          {"kid of 10 KB", compact(header_but({{"kid", std::string(10'240, 'a')}}).dump(), "{}"), ""},
          {"kid with NUL", compact(header_but({{"kid", std::string("key-1\0", 6)}}).dump(), claims().dump()),
           "kid is not"},
          {"kid missing", compact(header_but({{"kid", nullptr}}).dump(), claims().dump()), "no kid"},
          {"kid a number", compact(header_but({{"kid", 1}}).dump(), claims().dump()), "no kid"},
          {"kid in other letters", compact(header_but({{"kid", "KEY 1"}}).dump(), claims().dump()),
           "kid is not"}});
}

TEST_CASE("a kid that nobody knows is refused; jku and x5u of a good token are not looked at") {
  Authority microsoft;
  fakes::ManualClock clock;
  metrics::Registry registry("test");
  auth::Authenticator authenticator(settings(), microsoft.transport, clock, registry);
  std::vector<Result<auth::Caller>> answers;
  const auto keep = [&](Result<auth::Caller> got) { answers.push_back(std::move(got)); };
  authenticator.authenticate("Bearer " + token(claims(), Signer::rsa("unknown")), keep);
  REQUIRE(answers.size() == 1);
  REQUIRE_FALSE(answers[0]);
  CHECK(answers[0].error().code == "token_invalid");
  const Json elsewhere{{"jku", "https://attacker.example/keys"}, {"x5u", "https://attacker.example/cert"}};
  authenticator.authenticate("Bearer " + compact(header_but(elsewhere).dump(), claims().dump()), keep);
  REQUIRE(answers.size() == 2);
  CHECK(answers[1]);
  for (const auto& request : microsoft.transport.requests())
    CHECK(request.url.starts_with(authority + "/"));
}

TEST_CASE("no extension that changes what a header means, no type but an access token's") {
  const auto with = [](const Json& changes) { return compact(header_but(changes).dump(), claims().dump()); };
  refuse({{"crit", with({{"crit", {"x"}}, {"x", 1}}), "crit"},
          {"crit empty", with({{"crit", Json::array()}}), "crit"},
          {"b64", with({{"b64", false}}), "b64"},
          {"b64 true", with({{"b64", true}}), "b64"},
          {"b64, critical", with({{"b64", false}, {"crit", {"b64"}}}), "crit"},
          {"zip", with({{"zip", "DEF"}}), "zip"},
          {"typ", with({{"typ", "dpop+jwt"}}), "typ"},
          {"typ a number", with({{"typ", 1}}), "typ"},
          {"header an array", compact("[]", claims().dump()), "no JSON object"},
          {"header no JSON", compact("{", claims().dump()), "json_malformed"},
          {"header not UTF-8", compact("{\"a\":\"\xFF\"}", claims().dump()), "json_malformed"},
          {"header deep", compact(R"({"a":[[[[1]]]]})", claims().dump()), "json_too_deep"},
          {"claims an array", payload("[]"), "no JSON object"},
          {"claims no JSON", payload("{"), "json_malformed"},
          {"claims not UTF-8", payload("{\"a\":\"\xFF\"}"), "json_malformed"},
          {"claims with something behind", payload(claims().dump() + "{}"), "json_malformed"},
          {"claims deep", payload("{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}"),
           "json_too_deep"}});
}

TEST_CASE("no member twice, in either order") {
  std::vector<Row> rows;
  for (const bool first : {true, false}) {
    const std::string place = first ? " before" : " behind";
    rows.push_back(
        {"alg" + place, compact(twice(header(), R"("alg":"none")", first), claims().dump()), "twice"});
    rows.push_back(
        {"kid" + place, compact(twice(header(), R"("kid":"key-2")", first), claims().dump()), "twice"});
    for (const auto& member :
         std::vector<std::string>{R"("aud":"other")", R"("exp":99999999999)", R"("iss":"https://x/")",
                                  R"("tid":"x")", R"("aud":")" + client + "\"", R"("\u0061ud":"other")"})
      rows.push_back({member + place, payload(twice(claims(), member, first)), "twice"});
  }
  refuse(rows);
}

TEST_CASE("no issuer but the tenant's, and no tenant but ours") {
  const std::string personal = "9188040d-6c67-4c5b-b112-36a304b66dad";
  const std::string other = "11111111-2222-4333-8444-5555555555bb";
  const auto issued = [](const Json& issuer) { return token(claims_but({{"iss", issuer}})); };
  const auto from = [](const std::string& who) {
    return token(claims_but({{"tid", who}, {"iss", authority + "/" + who + "/v2.0"}}));
  };
  refuse({{"wrong", issued("https://attacker.example/" + tenant + "/v2.0"), "iss"},
          {"missing", issued(nullptr), "iss"},
          {"a slash more", issued(authority + "/" + tenant + "/v2.0/"), "iss"},
          {"a slash less", issued(authority + "/" + tenant), "iss"},
          {"in capitals", issued("HTTPS://LOGIN.EXAMPLE/" + tenant + "/v2.0"), "iss"},
          {"a list", issued({authority + "/" + tenant + "/v2.0"}), "iss"},
          {"the template itself", issued(authority + "/{tenantid}/v2.0"), "iss"},
          {"of v1 in a v2 token", issued("https://sts.example/" + tenant + "/"), "iss"},
          {"of v2 in a v1 token", token(claims_but({{"ver", "1.0"}, {"appid", caller_app}})), "iss"},
          {"of another tenant than tid", issued(authority + "/" + other + "/v2.0"), "iss"},
          {"tid of another tenant than iss", token(claims_but({{"tid", other}})), "tid"},
          {"another tenant", from(other), "tid"},
          {"personal accounts", from(personal), "tid"},
          {"tid missing", token(claims_but({{"tid", nullptr}})), "tid"},
          {"tid no GUID", from("common"), "tid"},
          {"ver missing", token(claims_but({{"ver", nullptr}})), "ver"},
          {"ver 3.0", token(claims_but({{"ver", "3.0"}})), "ver"},
          {"ver a number", token(claims_but({{"ver", 2.0}})), "ver"}});
}

TEST_CASE("no audience but ours") {
  const auto to = [](const Json& audience) { return token(claims_but({{"aud", audience}})); };
  refuse({{"wrong", to(caller_app), "aud"},
          {"missing", to(nullptr), "aud"},
          {"empty", to(""), "aud"},
          {"a part of ours", to(client.substr(0, 35)), "aud"},
          {"ours and more", to(client + "0"), "aud"},
          {"in capitals", to("AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"), "aud"},
          {"a path below ours", to("api://" + client + "/x"), "aud"},
          {"a list without us", to({caller_app, "api://x"}), "aud"},
          {"an empty list", to(Json::array()), "aud"},
          {"a list with a number", to({client, 1}), "aud"},
          {"an object", to({{client, true}}), "aud"},
          {"Microsoft Graph", to("https://graph.microsoft.com"), "aud"},
          {"Microsoft Graph's id", to("00000003-0000-0000-c000-000000000000"), "aud"}});
}

TEST_CASE("no token out of its time, and no time that is none") {
  const auto now = seconds(fakes::ManualClock().wall()) + 360;  // refuse() is six minutes later
  const auto text = [](const std::string& member, const std::string& value) {
    std::string all = claims_but({{member, "@"}}).dump();
    return payload(all.replace(all.find("\"@\""), 3, value));
  };
  std::vector<Row> rows{{"exp missing", token(claims_but({{"exp", nullptr}})), "exp is missing"},
                        {"exp past", token(claims_but({{"exp", now - 3600}})), "exp has passed"},
                        {"exp at the epoch", token(claims_but({{"exp", 0}})), "exp has passed"},
                        // A second more than the clock's nanoseconds can count.
                        {"exp in 2262", token(claims_but({{"exp", 9'223'372'037}})), "no time"},
                        {"iat in 2279", token(claims_but({{"iat", 9'767'225'600}})), "no time"},
                        {"exp of long ago, with fraction", text("exp", "1.5"), "exp has passed"},
                        {"nbf ahead", token(claims_but({{"nbf", now + 3600}})), "future"},
                        {"iat ahead", token(claims_but({{"iat", now + 3600}})), "future"}};
  for (const char* value : {"\"1767229200\"", "1e300", "-1", "true", "{}", "[1767229200]", "253402300800"})
    for (const char* member : {"exp", "nbf", "iat"})
      rows.push_back({std::string(member) + " " + value, text(member, value), "no time"});
  for (const char* value : {"1e999", "NaN", "-1e999"})
    rows.push_back({std::string("exp ") + value, text("exp", value), "json_malformed"});
  rows.push_back({"exp null", text("exp", "null"), "no time"});
  refuse(rows);
}

TEST_CASE("no token of another kind, and no caller without identity") {
  const auto with = [](const Json& changes) { return token(claims_but(changes)); };
  refuse(
      {{"ID token", with({{"scp", nullptr}, {"azp", nullptr}, {"nonce", "n"}}), "ID token"},
       {"ID token without nonce", with({{"scp", nullptr}, {"azp", nullptr}}), "neither scp nor roles"},
       {"ID token with roles", with({{"scp", nullptr}, {"roles", {"Rollcall.Admin"}}}), "roles without scp"},
       {"nonce in what looks like an access token", with({{"nonce", "n"}}), "ID token"},
       {"an app's without roles", with({{"scp", nullptr}, {"idtyp", "app"}}), "without roles"},
       {"an app's with empty roles", with({{"scp", nullptr}, {"idtyp", "app"}, {"roles", Json::array()}}),
        "without roles"},
       {"an app's with scopes", with({{"idtyp", "app"}, {"roles", {"Rollcall.Admin"}}}), "yet there is scp"},
       {"idtyp device", with({{"idtyp", "device"}}), "idtyp"},
       {"scp empty", with({{"scp", ""}}), "scp is empty"},
       {"scp blank", with({{"scp", "  "}}), "scp is empty"},
       {"scp a list", with({{"scp", {"access_as_user"}}}), "scp"},
       {"roles a string", with({{"roles", "Rollcall.Admin"}}), "roles"},
       {"roles of numbers", with({{"roles", {1}}}), "roles"},
       {"azp missing", with({{"azp", nullptr}}), "azp"},
       {"azp no GUID", with({{"azp", "x"}}), "azp"},
       {"appid in a v2 token", with({{"azp", nullptr}, {"appid", caller_app}}), "azp"},
       {"oid missing", with({{"oid", nullptr}}), "oid"},
       {"oid no GUID", with({{"oid", "ada@contoso.example"}}), "oid"}});
}

TEST_CASE("a client that is not on the list is refused") {
  auth::Policy rules = policy();
  rules.clients = {caller_app};
  CHECK(why(token(), rules) == "accepted");
  CHECK_THAT(why(token(claims_but({{"azp", client}})), rules), Catch::Contains("ROLLCALL_API_CLIENTS"));
  Json v1 = claims_v1();
  v1["appid"] = client;
  CHECK_THAT(why(token(v1), rules), Catch::Contains("ROLLCALL_API_CLIENTS"));
}

TEST_CASE("clocks may differ by the skew, and not by a second more") {
  const WallTime now = fakes::ManualClock().wall();
  const auto at = [&](const char* name, std::chrono::seconds offset) {
    return why(token(claims_but({{name, seconds(now + offset)}})), policy(), now);
  };
  using std::chrono::seconds;
  CHECK(at("exp", seconds(-119)) == "accepted");
  CHECK(at("exp", seconds(-120)) == "exp has passed");
  CHECK(at("exp", seconds(-121)) == "exp has passed");
  for (const char* name : {"nbf", "iat"}) {
    CHECK(at(name, seconds(119)) == "accepted");
    CHECK(at(name, seconds(120)) == "accepted");
    CHECK(at(name, seconds(121)) == "nbf or iat is in the future");
  }
  auth::Policy exact = policy();
  exact.skew = seconds(0);
  CHECK(why(token(claims_but({{"exp", auth_test::seconds(now) + 1}})), exact, now) == "accepted");
  CHECK(why(token(claims_but({{"exp", auth_test::seconds(now)}})), exact, now) == "exp has passed");
}

TEST_CASE("a key signs only for the issuer it was published for") {
  const auto parsed = auth::parse(token());
  REQUIRE(parsed);
  const auto with_issuer = [&](const Json& issuer) {
    Json set = key_set({signer()});
    set["keys"][0]["issuer"] = issuer;
    const auto keys = auth::read_key_set(set.dump());
    REQUIRE(keys);
    return auth::verify(*parsed, keys->front(), policy(), fakes::ManualClock().wall()).has_value();
  };
  CHECK(with_issuer(authority + "/{tenantid}/v2.0"));
  CHECK(with_issuer(authority + "/" + tenant + "/v2.0"));
  CHECK(with_issuer(nullptr));
  CHECK_FALSE(with_issuer(authority + "/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"));
  CHECK_FALSE(with_issuer("https://attacker.example/{tenantid}/v2.0"));
}
