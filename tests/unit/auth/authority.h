#pragma once
#include "common/auth/authenticator.h"
#include "common/crypto/crypto.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/auth/signer.h"

#include <optional>
#include <string>
#include <vector>

/// An authority without a network, and the tokens it gives.
namespace rollcall::auth_test {

inline const std::string authority = "https://login.example";
inline const std::string tenant = "11111111-2222-4333-8444-5555555555aa";
inline const std::string client = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
inline const std::string caller_app = "ab3be6b7-f5df-413d-ac2d-abf1e3fd9c0b";
inline const std::string copilot_app = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee";
inline const std::string person = "99999999-0000-4000-8000-000000000001";
inline const std::string discovery_url = authority + "/" + tenant + "/v2.0/.well-known/openid-configuration";
inline const std::string keys_url = authority + "/" + tenant + "/discovery/v2.0/keys";

/// Made once: keys take a while.
inline const Signer& signer() {
  static const Signer made = Signer::rsa("key-1");
  return made;
}

inline auth::Policy policy() {
  auth::Policy all;
  all.audiences = {client, "api://" + client};
  all.tenants = {tenant};
  all.copilot_audiences = {copilot_app, "api://" + copilot_app};
  all.copilot_clients = {caller_app, copilot_app};
  all.issuer_v2 = authority + "/{tenantid}/v2.0";
  all.issuer_v1 = "https://sts.example/{tenantid}/";
  return all;
}

inline auth::Settings settings() {
  return {authority, tenant, policy(), {}};
}

inline std::int64_t seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// A person's token, version 2, as Entra gives it.
inline Json claims(WallTime now = fakes::ManualClock().wall()) {
  return {{"aud", client},
          {"iss", authority + "/" + tenant + "/v2.0"},
          {"iat", seconds(now)},
          {"nbf", seconds(now)},
          {"exp", seconds(now) + 3600},
          {"azp", caller_app},
          {"azpacr", "1"},
          {"name", "Ada Lovelace"},
          {"oid", person},
          {"preferred_username", "ada@contoso.example"},
          {"scp", "access_as_user Runs.Read"},
          {"sub", "pairwise"},
          {"tid", tenant},
          {"ver", "2.0"}};
}
/// Claims with some set; null removes one.
inline Json claims_but(const Json& changes) {
  Json all = claims();
  all.merge_patch(changes);
  return all;
}
inline Json claims_v1() {
  return claims_but({{"ver", "1.0"},
                     {"iss", "https://sts.example/" + tenant + "/"},
                     {"aud", "api://" + client},
                     {"azp", nullptr},
                     {"azpacr", nullptr},
                     {"appid", caller_app},
                     {"appidacr", "1"}});
}
inline Json claims_app() {
  return claims_but({{"scp", nullptr}, {"idtyp", "app"}, {"roles", {"Rollcall.Admin"}}});
}

inline Json header(const Signer& by = signer()) {
  return {{"typ", "JWT"}, {"alg", "RS256"}, {"kid", by.kid}};
}
inline Json header_but(const Json& changes) {
  Json all = header();
  all.merge_patch(changes);
  return all;
}

/// From the exact texts of header and payload.
inline std::string compact(const std::string& header_text, const std::string& payload_text,
                           const Signer& by = signer(), const std::string& algorithm = "RS256") {
  const std::string signed_part = crypto::base64url(header_text) + "." + crypto::base64url(payload_text);
  return signed_part + "." + crypto::base64url(by.sign(algorithm, signed_part));
}
inline std::string token(const Json& payload = claims(), const Signer& by = signer()) {
  return compact(header(by).dump(), payload.dump(), by);
}

inline Json discovery() {
  return {{"issuer", authority + "/" + tenant + "/v2.0"}, {"jwks_uri", keys_url}};
}
inline Json key_set(const std::vector<Signer>& signers) {
  Json keys = Json::array();
  for (const auto& one : signers) {
    keys.push_back(one.jwk());
    keys.back()["issuer"] = authority + "/{tenantid}/v2.0";
  }
  return {{"keys", keys}};
}

/// Answers discovery and keys; a test changes what it says.
struct Authority {
  Json discovery_document = discovery();
  Json keys = key_set({signer()});
  std::optional<http_client::Response> discovery_answer, keys_answer;  ///< instead of the documents
  fakes::FakeTransport transport{[this](const http_client::Request& request) {
    using fakes::FakeTransport;
    if (request.url == discovery_url)
      return discovery_answer.value_or(FakeTransport::answer(200, discovery_document.dump()));
    if (request.url == keys_url) return keys_answer.value_or(FakeTransport::answer(200, keys.dump()));
    return FakeTransport::answer(404);
  }};
  [[nodiscard]] std::size_t asked(const std::string& url = keys_url) const {
    std::size_t count = 0;
    for (const auto& request : transport.requests())
      count += request.url == url ? 1U : 0U;
    return count;
  }
};

}  // namespace rollcall::auth_test
