#include "tests/unit/auth/refused_tokens.h"

#include "tests/unit/auth/authority.h"

namespace rollcall::auth_test {
namespace {

using RefusedRows = std::vector<RefusedToken>;

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

RefusedRows algorithms() {
  RefusedRows rows;
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
  return rows;
}

RefusedRows signatures() {
  const std::string good = token();
  const std::string other = token(claims_but({{"oid", client}}));
  const auto segment = [](const std::string& text) { return text.substr(text.rfind('.') + 1); };
  const std::string bytes = *crypto::base64url_decode(segment(good));
  const std::string stranger = token(claims(), Signer::rsa("key-1"));
  return {{"stripped, with the dot", signed_otherwise(good, ""), "empty"},
          {"stripped, without it", good.substr(0, good.rfind('.')), "three segments"},
          {"truncated", signed_otherwise(good, crypto::base64url(bytes.substr(0, 255))), "signature"},
          {"bit flipped", flipped(good, good.rfind('.') + 9), "signature"},
          {"of another token", signed_otherwise(good, segment(other)), "signature"},
          {"by a stranger's key of the same kid", stranger, "signature"},
          {"payload flipped", flipped(good, good.find('.') + 12), "signature"},
          {"longer by a byte", signed_otherwise(good, crypto::base64url(bytes + "x")), "signature"}};
}

RefusedRows forms() {
  const std::string good = token();
  const auto first = good.find('.');
  std::string bits = good;  // 256 bytes leave four bits that mean nothing
  bits.back() = bits.back() == 'B' ? 'C' : 'B';
  const Json general{{"payload", crypto::base64url(claims().dump())}, {"signatures", Json::array()}};
  std::string plus = good;
  plus[first + 3] = '+';
  std::string slash = good;
  slash[first + 3] = '/';
  return {{"one segment", "abc", "three segments"},
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
          {"longer than 16 KiB", token(claims_but({{"x", std::string(13'000, 'x')}})), "16 KiB"}};
}

RefusedRows headers() {
  const Signer attacker = Signer::rsa("attacker");
  const auto by_attacker = [&](const Json& extra, const char* kid) {
    Json all = header_but({{"kid", kid}});
    all.merge_patch(extra);
    return compact(all.dump(), claims().dump(), attacker);
  };
  return {{"jwk", by_attacker({{"jwk", attacker.jwk()}}, "key-1"), "signature"},
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
           "kid is not"}};
}

RefusedRows extensions() {
  const auto with = [](const Json& changes) { return compact(header_but(changes).dump(), claims().dump()); };
  return {{"crit", with({{"crit", {"x"}}, {"x", 1}}), "crit"},
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
           "json_too_deep"}};
}

RefusedRows members() {
  RefusedRows rows;
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
  return rows;
}

RefusedRows issuers() {
  const std::string personal = "9188040d-6c67-4c5b-b112-36a304b66dad";
  const std::string other = "11111111-2222-4333-8444-5555555555bb";
  const auto issued = [](const Json& issuer) { return token(claims_but({{"iss", issuer}})); };
  const auto from = [](const std::string& who) {
    return token(claims_but({{"tid", who}, {"iss", authority + "/" + who + "/v2.0"}}));
  };
  return {{"wrong", issued("https://attacker.example/" + tenant + "/v2.0"), "iss"},
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
          {"ver a number", token(claims_but({{"ver", 2.0}})), "ver"}};
}

RefusedRows audiences() {
  const auto to = [](const Json& audience) { return token(claims_but({{"aud", audience}})); };
  return {{"wrong", to(caller_app), "aud"},
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
          {"Microsoft Graph's id", to("00000003-0000-0000-c000-000000000000"), "aud"}};
}

RefusedRows times() {
  const auto now = seconds(fakes::ManualClock().wall()) + 360;  // whoever asks may be six minutes later
  const auto text = [](const std::string& member, const std::string& value) {
    std::string all = claims_but({{member, "@"}}).dump();
    return payload(all.replace(all.find("\"@\""), 3, value));
  };
  RefusedRows rows{{"exp missing", token(claims_but({{"exp", nullptr}})), "exp is missing"},
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
  return rows;
}

RefusedRows kinds() {
  const auto with = [](const Json& changes) { return token(claims_but(changes)); };
  return {
      {"ID token", with({{"scp", nullptr}, {"azp", nullptr}, {"nonce", "n"}}), "ID token"},
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
      {"oid no GUID", with({{"oid", "ada@contoso.example"}}), "oid"}};
}

}  // namespace

std::vector<RefusedGroup> refused_tokens() {
  return {
      {"no algorithm but RS256, spelled so", algorithms()},
      {"no signature but the key's over these very bytes", signatures()},
      {"nothing but a compact JWS in strict base64url", forms()},
      {"nothing in the header leads to another key, and no request is made", headers()},
      {"no extension that changes what a header means, no type but an access token's", extensions()},
      {"no member twice, in either order", members()},
      {"no issuer but the tenant's, and no tenant but ours", issuers()},
      {"no audience but ours", audiences()},
      {"no token out of its time, and no time that is none", times()},
      {"no token of another kind, and no caller without identity", kinds()},
  };
}

}  // namespace rollcall::auth_test
