#include "common/auth/verify.h"

#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/crypto/crypto.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace rollcall::auth {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

constexpr JsonLimits claims_limits{.bytes_max = token_bytes_max, .depth_max = 8, .unique_members = true};
constexpr double last_second = 9'200'000'000.0;  // of 2261: system_clock counts nanoseconds, and ends in 2262

auto refused(std::string why) {
  return unexpected(Problem{"token_invalid", std::move(why)});
}

bool has(const std::vector<std::string>& list, const std::string& one) {
  return std::ranges::find(list, one) != list.end();
}

std::optional<std::string> text_of(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

/// A GUID in lower case.
std::optional<std::string> guid_of(const Json& claims, const char* name) {
  const auto text = text_of(claims, name);
  const auto id = text ? Uuid::parse(*text) : std::nullopt;
  if (!id) return std::nullopt;
  return id->to_string();
}

/// Null where it is not an array of strings.
std::optional<std::vector<std::string>> list_of(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> list;
  for (const Json& item : value) {
    if (!item.is_string()) return std::nullopt;
    list.push_back(item.get<std::string>());
  }
  return list;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// Why a check failed, in words; nullptr where it did not.
using Why = const char*;

struct Subject {
  const Json& claims;
  const std::string& key_issuer;
  const Policy& policy;
  system_clock::time_point now;
  Caller& caller;
  bool v2 = true;
};

Why check_issuer(Subject& subject) {
  const auto version = text_of(subject.claims, "ver");
  if (version != "1.0" && version != "2.0") return "ver is neither 1.0 nor 2.0";
  subject.v2 = version == "2.0";
  const auto tenant = guid_of(subject.claims, "tid");
  if (!tenant) return "tid is no GUID";
  if (!has(subject.policy.tenants, *tenant)) return "tid is not a tenant of ours";
  const std::string v2_issuer = issuer_of(subject.policy.issuer_v2, *tenant);
  if (text_of(subject.claims, "iss") !=
      (subject.v2 ? v2_issuer : issuer_of(subject.policy.issuer_v1, *tenant)))
    return "iss is not that of the tenant";
  // Keys are published under the v2 issuer's name, whichever version they sign.
  if (!subject.key_issuer.empty() && issuer_of(subject.key_issuer, *tenant) != v2_issuer)
    return "the key is not one of the issuer's";
  subject.caller.tenant_id = *tenant;
  return nullptr;
}

Why check_audience(Subject& subject) {
  const auto found = subject.claims.find("aud");
  if (found == subject.claims.end()) return "aud is missing";
  const auto list = found->is_string() ? std::vector{found->get<std::string>()} : list_of(*found);
  if (!list) return "aud is neither a string nor an array of strings";
  const auto names = [&](const std::vector<std::string>& ours) {
    return std::ranges::any_of(*list, [&](const auto& one) { return has(ours, one); });
  };
  if (names(subject.policy.audiences)) return nullptr;
  subject.caller.for_copilot = names(subject.policy.copilot_audiences);
  return subject.caller.for_copilot ? nullptr : "aud does not name us";
}

/// A NumericDate (RFC 7519) that a clock can hold.
std::optional<system_clock::time_point> time_of(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < 0 || number > last_second) return std::nullopt;
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(
      std::chrono::milliseconds(static_cast<std::int64_t>(number * 1000))));
}

Why check_times(Subject& subject) {
  const auto& claims = subject.claims;
  const auto expires = claims.contains("exp") ? time_of(claims["exp"]) : std::nullopt;
  if (!expires) return "exp is missing or no time";
  if (subject.now >= *expires + subject.policy.skew) return "exp has passed";
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto time = time_of(claims[name]);
    if (!time) return "nbf or iat is no time";
    if (*time > subject.now + subject.policy.skew) return "nbf or iat is in the future";
  }
  subject.caller.expires_at = *expires;
  return nullptr;
}

/// A person's token carries scopes; an application's carries roles and says what it is. Anything else, such
/// as an ID token, is no access token.
Why check_kind(Subject& subject) {
  const auto& claims = subject.claims;
  if (claims.contains("nonce")) return "it is an ID token";
  if (claims.contains("roles")) {
    auto roles = list_of(claims["roles"]);
    if (!roles) return "roles is no array of strings";
    subject.caller.roles = std::move(*roles);
  }
  const auto kind = text_of(claims, "idtyp");
  if (claims.contains("idtyp") && kind != "app" && kind != "user") return "idtyp is neither app nor user";
  subject.caller.application = kind == "app";
  if (subject.caller.application) {
    if (claims.contains("scp")) return "idtyp is app, yet there is scp";
    return subject.caller.roles.empty() ? "an application's token without roles" : nullptr;
  }
  const auto scopes = text_of(claims, "scp");
  if (!scopes)
    return subject.caller.roles.empty() ? "neither scp nor roles"
                                        : "roles without scp or idtyp=app (the API's app registration must "
                                          "add the optional claim idtyp)";
  subject.caller.scopes = words_of(*scopes);
  return subject.caller.scopes.empty() ? "scp is empty" : nullptr;
}

Why check_actor(Subject& subject) {
  const auto client = guid_of(subject.claims, subject.v2 ? "azp" : "appid");
  if (!client) return "azp (v2) or appid (v1) is no GUID";
  if (subject.caller.for_copilot && !has(subject.policy.copilot_clients, *client))
    return "azp or appid is not Copilot's";
  if (!subject.caller.for_copilot && !subject.policy.clients.empty() && !has(subject.policy.clients, *client))
    return "azp or appid is not in ROLLCALL_API_CLIENTS";
  const auto object = guid_of(subject.claims, "oid");
  if (!object) return "oid is no GUID";
  subject.caller.client_id = *client;
  subject.caller.object_id = *object;
  for (const char* name : {"upn", "preferred_username"})
    if (auto text = text_of(subject.claims, name);
        text && !text->empty() && !has(subject.caller.names, *text))
      subject.caller.names.push_back(std::move(*text));
  return nullptr;
}

constexpr std::array checks{check_issuer, check_audience, check_times, check_kind, check_actor};

/// What an ID token must say beside issuer, tenant and times.
Why check_sign_in(Subject& subject, const std::string& client_id, const std::string& nonce) {
  if (!subject.v2) return "it is no ID token of version 2.0";
  if (text_of(subject.claims, "aud") != client_id) return "aud is not our client id alone";
  const auto said = text_of(subject.claims, "nonce");
  if (!said || nonce.empty() || !crypto::equal_secrets(*said, nonce))
    return "nonce is not that of the sign-in";
  const auto object = guid_of(subject.claims, "oid");
  if (!object) return "oid is no GUID";
  subject.caller.object_id = *object;
  return nullptr;
}

}  // namespace

std::string issuer_of(const std::string& issuer_template, const std::string& tenant_id) {
  constexpr std::string_view mark = "{tenantid}";
  std::string issuer = issuer_template;
  if (const auto at = issuer.find(mark); at != std::string::npos) issuer.replace(at, mark.size(), tenant_id);
  return issuer;
}

Result<Caller> verify(const UnverifiedToken& token, const Key& key, const Policy& policy,
                      system_clock::time_point now) {
  if (key.kid != token.kid || !key.rsa.verify_rs256(token.signed_part, token.signature))
    return refused("the signature is not the key's");
  return read_claims(token.payload, key.issuer, policy, now);
}

Result<Caller> read_claims(std::string_view payload, const std::string& key_issuer, const Policy& policy,
                           system_clock::time_point now) {
  const auto claims = parse_json(payload, claims_limits);
  if (!claims) return refused("the claims: " + claims.error().code);
  if (!claims->is_object()) return refused("the claims are no JSON object");
  Caller caller;
  Subject subject{*claims, key_issuer, policy, now, caller};
  for (const auto check : checks)
    if (const Why why = check(subject)) return refused(why);
  return caller;
}

Result<SignedIn> verify_id_token(const UnverifiedToken& token, const Key& key, const Policy& policy,
                                 const std::string& client_id, const std::string& nonce,
                                 system_clock::time_point now) {
  if (key.kid != token.kid || !key.rsa.verify_rs256(token.signed_part, token.signature))
    return refused("the signature is not the key's");
  const auto claims = parse_json(token.payload, claims_limits);
  if (!claims || !claims->is_object()) return refused("the claims are no JSON object");
  Caller caller;
  Subject subject{*claims, key.issuer, policy, now, caller};
  for (const auto check : {check_issuer, check_times})
    if (const Why why = check(subject)) return refused(why);
  if (const Why why = check_sign_in(subject, client_id, nonce)) return refused(why);
  return SignedIn{caller.tenant_id, caller.object_id,
                  text_of(*claims, "preferred_username").value_or(std::string{})};
}

}  // namespace rollcall::auth
