#include "ops/sandbox/graph/grants.h"

#include "common/crypto/crypto.h"
#include "ops/sandbox/graph/identity.h"
#include "ops/sandbox/graph/jwt.h"

#include <algorithm>
#include <array>

/// Client credentials, authorization code with PKCE, refresh token.
namespace rollcall::sandbox_graph {
namespace {

constexpr std::chrono::minutes code_lifetime{10};
constexpr std::chrono::hours refresh_lifetime{24 * 90};

Refusal invalid_grant(int number, std::string text, const char* suberror = nullptr) {
  return {400, "invalid_grant", number, std::move(text), suberror};
}

/// Entra gives 60 to 90 minutes at random, so that clients do not all come back at once.
std::chrono::seconds lifetime(State& state) {
  return state.settings.token_lifetime.value_or(
      std::chrono::seconds(3600 + static_cast<long>(state.random() % 1800) - 1));
}

TokenShape shape_of(State& state, const Exchange& exchange, const Scope& scope) {
  TokenShape shape;
  shape.root = exchange.root;
  shape.tenant = tenant_id(state, exchange.tenant);
  shape.client = field(exchange.form, "client_id");
  shape.proof = exchange.proof;
  shape.lifetime = lifetime(state);
  shape.version = scope.api ? state.settings.api_token_version : 1;  // Graph's own are version 1
  shape.audience = scope.api && shape.version == 2 ? shape.client : scope.resource;
  return shape;
}

/// The signed token; one for Graph opens Graph from now on.
std::string issue(State& state, const TokenShape& shape, bool for_graph, WallTime now) {
  std::string bearer = sign_jwt(signing_key(state), access_claims(state, shape, now));
  if (!for_graph) return bearer;
  std::erase_if(state.tokens, [&](const auto& known) { return known.second <= now; });
  std::erase_if(state.delegations, [&](const auto& known) { return !state.tokens.contains(known.first); });
  state.tokens[bearer] = now + shape.lifetime;
  if (shape.user) state.delegations[bearer] = {*Uuid::parse(shape.user->object_id), shape.scopes};
  return bearer;
}

Json answer_of(const std::string& bearer, const TokenShape& shape) {
  return {{"token_type", "Bearer"},
          {"expires_in", shape.lifetime.count()},
          {"ext_expires_in", shape.lifetime.count()},
          {"access_token", bearer}};
}

Json client_credentials(State& state, Exchange& exchange, WallTime now) {
  const std::string& tenant = exchange.tenant;
  if (tenant == "common" || tenant == "organizations" || tenant == "consumers")
    throw Refusal{
        400, "invalid_request", 90124,
        "Resource cannot be accessed through the tenant-independent endpoint with client credentials."};
  const std::string text = field(exchange.form, "scope");
  if (!text.ends_with("/.default") || text.find(' ') != std::string::npos)
    throw Refusal{400, "invalid_scope", 70011,
                  "The provided value for the input parameter 'scope' is not valid."};
  exchange.proof =
      check_proof(state, exchange.form, exchange.root + "/" + tenant + "/oauth2/v2.0/token", now);
  const Scope scope = read_scope(state, field(exchange.form, "client_id"), text);
  TokenShape shape = shape_of(state, exchange, scope);
  if (!scope.api) shape.roles = state.application.permissions;
  return answer_of(issue(state, shape, !scope.api, now), shape);
}

const User& signed_in_user(const State& state, const Uuid& id) {
  const User* user = find_user(state.directory, id);
  if (!user) throw invalid_grant(500341, "The user account has been deleted from the directory.");
  if (!user->enabled) throw invalid_grant(50057, "The user account is disabled.");
  return *user;
}

/// What a code or a refresh token is exchanged for.
Json delegated(State& state, const Exchange& exchange, const RefreshToken& grant, WallTime now) {
  const User& user = signed_in_user(state, grant.user);
  const std::string asked = field(exchange.form, "scope");
  const Scope granted = read_scope(state, grant.client, grant.scope);
  const Scope scope = asked.empty() ? granted : read_scope(state, grant.client, asked);
  TokenShape shape = shape_of(state, exchange, scope);
  shape.user = subject_of(user);
  shape.scopes = scope.permissions;
  if (scope.resource.empty()) {
    // OpenID's scopes alone give a token for Graph's user information.
    shape.audience = "https://graph.microsoft.com";
    shape.scopes = {"openid", "profile"};
  }
  Json answer = answer_of(issue(state, shape, !scope.api, now), shape);
  std::string given;
  for (const auto& permission : shape.scopes)
    given += (given.empty() ? "" : " ") +
             (scope.api ? scope.resource + "/" + permission : permission);  // Graph's come without its name
  answer["scope"] = given;
  if (granted.offline_access || scope.offline_access) {
    const std::string fresh = "1.A" + crypto::base64url(random_uuid(state) + random_uuid(state));
    RefreshToken next = grant;
    next.issued = now;
    if (!asked.empty()) next.scope = asked + " offline_access";
    state.entra.refresh_tokens[fresh] = std::move(next);
    answer["refresh_token"] = fresh;
  }
  if (granted.openid || scope.openid)
    answer["id_token"] =
        sign_jwt(signing_key(state), id_claims(state, shape, grant.nonce, granted.profile || scope.profile,
                                               granted.email || scope.email, now));
  return answer;
}

void check_verifier(const AuthorizationCode& code, const std::string& verifier) {
  if (code.challenge.empty()) return;
  const std::string derived =
      code.challenge_method == "S256" ? crypto::base64url(crypto::sha256(verifier)) : verifier;
  if (verifier.size() < 43 || verifier.size() > 128 || derived != code.challenge)
    throw invalid_grant(501481,
                        "The Code_Verifier does not match the code_challenge supplied in the authorization "
                        "request.");
}

Json authorization_code(State& state, Exchange& exchange, WallTime now) {
  exchange.proof =
      check_proof(state, exchange.form, exchange.root + "/" + exchange.tenant + "/oauth2/v2.0/token", now);
  const std::string client = field(exchange.form, "client_id");
  const auto found = state.entra.codes.find(required(exchange.form, "code"));
  if (found == state.entra.codes.end() || found->second.client != client)
    throw invalid_grant(70000, "The provided value for the input parameter 'code' is not valid.");
  AuthorizationCode& code = found->second;
  if (code.redeemed) throw invalid_grant(54005, "OAuth2 Authorization code was already redeemed.");
  if (now - code.issued > code_lifetime)
    throw invalid_grant(70008, "The provided authorization code or refresh token has expired.");
  if (required(exchange.form, "redirect_uri") != code.redirect_uri)
    throw invalid_grant(500112,
                        "The reply address does not match the reply address provided when requesting "
                        "Authorization code.");
  check_verifier(code, field(exchange.form, "code_verifier"));
  code.redeemed = true;
  return delegated(state, exchange, {code.client, code.scope, code.nonce, code.user, now}, now);
}

void check_not_revoked(const State& state, const RefreshToken& grant) {
  const auto found = state.entra.revoked.find(grant.user);
  if (found == state.entra.revoked.end() || grant.issued > found->second.until) return;
  switch (found->second.how) {
    case Revocation::sessions:
      throw invalid_grant(50173,
                          "The provided grant has expired due to it being revoked, a fresh auth token is "
                          "needed. The user might have changed or reset their password.",
                          "bad_token");
    case Revocation::consent:
      throw invalid_grant(65001,
                          "The user or administrator has not consented to use the application with ID '" +
                              grant.client + "'. Send an interactive authorization request.",
                          "consent_required");
    case Revocation::policy:
      throw Refusal{400, "interaction_required", 50076,
                    "Due to a configuration change made by your administrator, or because you moved to a new "
                    "location, you must use multi-factor authentication.",
                    "basic_action"};
  }
}

/// Every refresh gives a new token; the old one lives on, so that a crash before the new one is kept is no
/// loss (refresh-tokens).
Json refresh_token(State& state, Exchange& exchange, WallTime now) {
  exchange.proof =
      check_proof(state, exchange.form, exchange.root + "/" + exchange.tenant + "/oauth2/v2.0/token", now);
  std::erase_if(state.entra.refresh_tokens, [&](const auto& known) {
    return now - known.second.issued > 2 * refresh_lifetime;  // expired ones are known as such for a while
  });
  const auto found = state.entra.refresh_tokens.find(required(exchange.form, "refresh_token"));
  if (found == state.entra.refresh_tokens.end() || found->second.client != field(exchange.form, "client_id"))
    throw invalid_grant(70000, "The provided value for the input parameter 'refresh_token' is not valid.");
  const RefreshToken grant = found->second;
  if (now - grant.issued > refresh_lifetime)
    throw invalid_grant(700082, "The refresh token has expired due to inactivity.", "token_expired");
  check_not_revoked(state, grant);
  return delegated(state, exchange, grant, now);
}

struct Grant {
  std::string_view name;
  Json (*redeem)(State&, Exchange&, WallTime);
};
constexpr std::array grants{Grant{"client_credentials", client_credentials},
                            Grant{"authorization_code", authorization_code},
                            Grant{"refresh_token", refresh_token}};

}  // namespace

Json redeem(State& state, Exchange& exchange, WallTime now) {
  const Settings& settings = state.settings;
  const std::string& tenant = exchange.tenant;
  const std::string type = required(exchange.form, "grant_type");
  const auto* grant = std::ranges::find(grants, type, &Grant::name);
  if (grant == grants.end())
    throw Refusal{400, "unsupported_grant_type", 70003,
                  "The app requested an unsupported grant type '" + type + "'."};
  const bool any_tenant = tenant == "common" || tenant == "organizations" || tenant == "consumers";
  if (!any_tenant && settings.tenant && tenant != *settings.tenant)
    throw Refusal{400, "invalid_request", 90002, "Tenant '" + tenant + "' not found."};
  const std::string client = required(exchange.form, "client_id");
  if (settings.client_id && client != *settings.client_id)
    throw Refusal{
        400, "unauthorized_client", 700016,
        "Application with identifier '" + client + "' was not found in the directory '" + tenant + "'."};
  return grant->redeem(state, exchange, now);
}

}  // namespace rollcall::sandbox_graph
