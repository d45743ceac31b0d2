#include "ops/sandbox/graph/identity.h"

#include "common/crypto/crypto.h"

#include <sstream>

namespace rollcall::sandbox_graph {
namespace {

constexpr const char* default_tenant = "7e2a1c00-5a1e-4c0d-8e11-0000000000f0";
constexpr const char* default_client = "7e2a1c00-5a1e-4c0d-8e11-0000000000c1";
constexpr const char* graph_root = "https://graph.microsoft.com";
constexpr const char* graph_app = "00000003-0000-0000-c000-000000000000";

std::int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string issuer(const TokenShape& shape) {
  return shape.root + "/" + shape.tenant + (shape.version == 2 ? "/v2.0" : "/");
}

/// Pairwise: another one for each app.
std::string pairwise(const std::string& object_id, const std::string& client) {
  return crypto::base64url(crypto::sha256(object_id + "\n" + client));
}

Json times(const TokenShape& shape, WallTime now) {
  return {{"iat", seconds_of(now)}, {"nbf", seconds_of(now)}, {"exp", seconds_of(now + shape.lifetime)}};
}

bool known_api(const State& state, const std::string& client, const std::string& resource) {
  return resource == client || resource == "api://" + client ||
         (state.settings.app_id_uri && resource == *state.settings.app_id_uri);
}

/// Any http(s) root is taken for Graph: it may be reached through a proxy.
bool known_graph(const std::string& resource) {
  return resource == graph_app || resource.starts_with("http://") || resource.starts_with("https://");
}

}  // namespace

std::string public_root(const State& state, const http_server::Request& request) {
  return state.settings.public_url.empty() ? "http://" + std::string(request.header("Host"))
                                           : state.settings.public_url;
}

std::string tenant_id(const State& state, const std::string& name) {
  if (state.settings.tenant && Uuid::parse(*state.settings.tenant)) return *state.settings.tenant;
  return Uuid::parse(name) ? name : default_tenant;
}

std::string client_id(const State& state) {
  return state.settings.client_id.value_or(default_client);
}

const SigningKey& signing_key(State& state) {
  if (state.entra.keys.empty()) state.entra.keys.push_back(SigningKey::generate());
  return state.entra.keys.back();
}

Scope read_scope(const State& state, const std::string& client, const std::string& text) {
  Scope scope;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    bool* flag = word == "offline_access" ? &scope.offline_access
                 : word == "openid"       ? &scope.openid
                 : word == "profile"      ? &scope.profile
                 : word == "email"        ? &scope.email
                                          : nullptr;
    if (flag) {
      *flag = true;
      continue;
    }
    const auto slash = word.rfind('/');
    const std::string resource = slash == std::string::npos ? graph_root : word.substr(0, slash);
    if (!scope.resource.empty() && resource != scope.resource)
      throw Refusal{400, "invalid_scope", 28000,
                    "Provided value for the input parameter scope is not valid because it contains more than "
                    "one resource."};
    scope.resource = resource;
    scope.permissions.push_back(slash == std::string::npos ? word : word.substr(slash + 1));
  }
  scope.api = known_api(state, client, scope.resource);
  if (!scope.resource.empty() && !scope.api && !known_graph(scope.resource))
    throw Refusal{400, "invalid_resource", 500011,
                  "The resource principal named " + scope.resource + " was not found in the tenant."};
  return scope;
}

Subject subject_of(const User& user) {
  return {user.id.to_string(), user.display_name, user.upn};
}

Json access_claims(State& state, const TokenShape& shape, WallTime now) {
  const bool v2 = shape.version == 2;
  const std::string object =
      shape.user ? shape.user->object_id
                 : crypto::derived_uuid({"service principal", shape.tenant, shape.client}).to_string();
  Json claims = times(shape, now);
  claims["aud"] = shape.audience;
  claims["iss"] = issuer(shape);
  claims["tid"] = shape.tenant;
  claims["oid"] = object;
  claims["sub"] = shape.user ? pairwise(object, shape.client) : object;
  claims["ver"] = v2 ? "2.0" : "1.0";
  claims["uti"] = crypto::base64url(random_uuid(state).substr(0, 16));
  claims[v2 ? "azp" : "appid"] = shape.client;
  claims[v2 ? "azpacr" : "appidacr"] = shape.proof;
  if (!shape.roles.empty()) claims["roles"] = shape.roles;
  if (!shape.user) {
    claims["idtyp"] = "app";
    return claims;
  }
  claims["scp"] = joined(shape.scopes);
  if (!shape.user->name.empty()) claims["name"] = shape.user->name;
  if (!shape.user->upn.empty()) {
    claims[v2 ? "preferred_username" : "unique_name"] = shape.user->upn;
    if (!v2) claims["upn"] = shape.user->upn;
  }
  return claims;
}

Json id_claims(State& state, const TokenShape& shape, const std::string& nonce, bool profile, bool email,
               WallTime now) {
  Json claims = times(shape, now);
  claims["aud"] = shape.client;
  claims["iss"] = shape.root + "/" + shape.tenant + "/v2.0";
  claims["tid"] = shape.tenant;
  claims["sub"] = pairwise(shape.user->object_id, shape.client);
  claims["ver"] = "2.0";
  if (profile) {  // oid too: it lets apps find out that they have the same person (id-token-claims-reference)
    claims["oid"] = shape.user->object_id;
    claims["name"] = shape.user->name;
    claims["preferred_username"] = shape.user->upn;
  }
  claims["uti"] = crypto::base64url(random_uuid(state).substr(0, 16));
  if (!nonce.empty()) claims["nonce"] = nonce;
  if (email) claims["email"] = shape.user->upn;
  return claims;
}

}  // namespace rollcall::sandbox_graph
