#include "ops/sandbox/graph/entra.h"

#include "ops/sandbox/graph/grants.h"
#include "ops/sandbox/graph/identity.h"
#include "ops/sandbox/graph/jwt.h"
#include "ops/sandbox/graph/sign_in.h"

#include <algorithm>
#include <array>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

constexpr const char* token_path = "/oauth2/v2.0/token";

Response json(int status, const Json& body) {
  return {status,
          {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}},
          dump(body)};
}

Response refuse(State& state, const Refusal& refusal, WallTime now) {
  const std::string trace = random_uuid(state);
  const std::string correlation = random_uuid(state);
  const std::string time = to_rfc3339(now);
  const std::string stamp = time.substr(0, 10) + " " + time.substr(11, 8) + "Z";
  Json body = {
      {"error", refusal.error},
      {"error_description", "AADSTS" + std::to_string(refusal.number) + ": " + refusal.text + " Trace ID: " +
                                trace + " Correlation ID: " + correlation + " Timestamp: " + stamp},
      {"error_codes", {refusal.number}},
      {"timestamp", stamp},
      {"trace_id", trace},
      {"correlation_id", correlation},
      {"error_uri", "https://login.microsoftonline.com/error?code=" + std::to_string(refusal.number)}};
  if (refusal.suberror) body["suberror"] = refusal.suberror;
  return json(refusal.status, body);
}

Response token(const Request& request, State& state, const std::string& tenant, WallTime now) {
  ++state.stats.tokens;
  if (!state.faults.status.empty() && chance(state) < state.faults.token_rate) {
    ++state.stats.faults;
    const int status = state.faults.status[state.random() % state.faults.status.size()];
    Response response =
        refuse(state, {status, "temporarily_unavailable", 90033, "A transient error has occurred."}, now);
    if (status == 429) response.headers.emplace_back("Retry-After", "1");
    return response;
  }
  Exchange exchange{public_root(state, request), tenant, http_server::parse_query(request.body), {}};
  try {
    auto answer = json(200, redeem(state, exchange, now));
    const bool cut = state.faults.token_cut_rate > 0 && chance(state) < state.faults.token_cut_rate;
    if (cut) {
      ++state.stats.faults;
      answer.status = 0;  // the connection closes
    }
    return answer;
  } catch (const Refusal& refusal) {
    return refuse(state, refusal, now);
  }
}

/// Both versions' documents; those of the tenant-independent endpoints name a template as issuer.
Response discovery(const Request& request, State& state, const std::string& tenant, int version,
                   WallTime now) {
  const bool independent = tenant == "common" || tenant == "organizations";
  if (!independent && state.settings.tenant && tenant != *state.settings.tenant)
    return refuse(state, {400, "invalid_tenant", 90002, "Tenant '" + tenant + "' not found."}, now);
  const std::string host = public_root(state, request);
  const std::string root = host + "/" + tenant;
  const std::string issuer = host + "/" + (independent ? "{tenantid}" : tenant_id(state, tenant));
  return json(200, {{"issuer", issuer + (version == 2 ? "/v2.0" : "/")},
                    {"authorization_endpoint", root + "/oauth2/v2.0/authorize"},
                    {"token_endpoint", root + token_path},
                    {"jwks_uri", root + "/discovery/v2.0/keys"},
                    {"response_modes_supported", {"query", "form_post"}},
                    {"response_types_supported", {"code"}},
                    {"scopes_supported", {"openid", "profile", "email", "offline_access"}},
                    {"subject_types_supported", {"pairwise"}},
                    {"id_token_signing_alg_values_supported", {"RS256"}},
                    {"token_endpoint_auth_methods_supported", {"client_secret_post", "private_key_jwt"}}});
}

Response discovery_v1(const Request& request, State& state, const std::string& tenant, WallTime now) {
  return discovery(request, state, tenant, 1, now);
}
Response discovery_v2(const Request& request, State& state, const std::string& tenant, WallTime now) {
  return discovery(request, state, tenant, 2, now);
}

Response keys(const Request& request, State& state, const std::string& tenant, WallTime) {
  signing_key(state);
  const bool independent = tenant == "common" || tenant == "organizations";
  const std::string issuer =
      public_root(state, request) + "/" + (independent ? "{tenantid}" : tenant_id(state, tenant)) + "/v2.0";
  Json list = Json::array();
  for (const SigningKey& key : state.entra.keys) {
    list.push_back(key.jwk());
    list.back()["issuer"] = issuer;
  }
  return json(200, {{"keys", std::move(list)}});
}

struct Endpoint {
  std::string_view method, path;
  Response (*answer)(const Request&, State&, const std::string& tenant, WallTime);
};
constexpr std::array endpoints{Endpoint{"POST", token_path, token},
                               Endpoint{"GET", "/oauth2/v2.0/authorize", authorize},
                               Endpoint{"GET", "/v2.0/adminconsent", admin_consent},
                               Endpoint{"GET", "/v2.0/.well-known/openid-configuration", discovery_v2},
                               Endpoint{"GET", "/.well-known/openid-configuration", discovery_v1},
                               Endpoint{"GET", "/discovery/v2.0/keys", keys},
                               Endpoint{"GET", "/discovery/keys", keys}};

std::string text(const Json& input, const char* name, const std::string& fallback) {
  return input.contains(name) ? input[name].get<std::string>() : fallback;
}

std::optional<Subject> minted_user(const State& state, const Json& input) {
  if (input.value("app", false)) return std::nullopt;
  const auto& directory = state.directory;
  if (!input.contains("user")) {
    const auto first = std::ranges::find(directory.users, false, &User::deleted);
    if (first == directory.users.end()) throw std::invalid_argument("user: the tenant has none; name a GUID");
    return subject_of(*first);
  }
  const std::string name = input["user"].get<std::string>();
  if (const auto id = Uuid::parse(name)) {
    const User* known = find_user(directory, *id);
    return known ? subject_of(*known) : Subject{id->to_string(), {}, {}};
  }
  const auto known = directory.by_upn.find(lower(name));
  if (known == directory.by_upn.end())
    throw std::invalid_argument("user: '" + name + "' is neither a GUID nor anybody's userPrincipalName");
  return subject_of(directory.users[known->second]);
}

}  // namespace

Result<Json> mint_token(const Request& request, State& state, const Json& input, WallTime now) {
  try {
    TokenShape shape;
    shape.root = public_root(state, request);
    shape.tenant = text(input, "tenant", tenant_id(state, ""));
    shape.client = text(input, "client_id", client_id(state));
    shape.proof = text(input, "proof", "1");
    shape.version = input.value("version", state.settings.api_token_version);
    shape.audience =
        text(input, "audience",
             shape.version == 2 ? client_id(state)
                                : state.settings.app_id_uri.value_or("api://" + client_id(state)));
    shape.user = minted_user(state, input);
    shape.scopes = input.value("scopes", std::vector<std::string>{"access_as_user"});
    shape.roles = input.value("roles", std::vector<std::string>{});
    shape.lifetime = std::chrono::seconds(input.value("lifetime_s", 3600L));
    Json claims = access_claims(state, shape, now);
    claims.merge_patch(input.value("claims", Json::object()));
    return Json{{"token_type", "Bearer"},
                {"expires_in", shape.lifetime.count()},
                {"access_token", sign_jwt(signing_key(state), claims)},
                {"claims", claims}};
  } catch (const std::exception& error) {
    return unexpected(Problem{"token_invalid", error.what()});
  }
}

Response entra(const Request& request, State& state, WallTime now) {
  const std::string path(request.path());
  const auto slash = path.find('/', 1);
  const std::string tenant = path.substr(1, slash == std::string::npos ? slash : slash - 1);
  const std::string rest = slash == std::string::npos ? "" : path.substr(slash);
  const auto* endpoint = std::ranges::find_if(
      endpoints, [&](const Endpoint& one) { return one.method == request.method && one.path == rest; });
  if (endpoint != endpoints.end()) return endpoint->answer(request, state, tenant, now);
  return json(
      404,
      {{"error", {{"code", "NotFound"}, {"message", "The sandbox has no " + request.method + " " + path}}}});
}

}  // namespace rollcall::sandbox_graph
