#include "ops/sandbox/graph/entra.h"

#include "common/core/json.h"

#include <algorithm>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

constexpr std::string_view token_path = "/oauth2/v2.0/token";

Response json(int status, const Json& body) {
  return {status,
          {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}},
          dump(body)};
}

struct Refusal {
  int status;
  const char* error;
  int number;
  std::string text;
};

Response refuse(State& state, const Refusal& refusal, WallTime now) {
  const std::string trace = random_uuid(state);
  const std::string correlation = random_uuid(state);
  const std::string time = to_rfc3339(now);
  const std::string stamp = time.substr(0, 10) + " " + time.substr(11, 8) + "Z";
  return json(
      refusal.status,
      {{"error", refusal.error},
       {"error_description", "AADSTS" + std::to_string(refusal.number) + ": " + refusal.text + " Trace ID: " +
                                 trace + " Correlation ID: " + correlation + " Timestamp: " + stamp},
       {"error_codes", {refusal.number}},
       {"timestamp", stamp},
       {"trace_id", trace},
       {"correlation_id", correlation},
       {"error_uri", "https://login.microsoftonline.com/error?code=" + std::to_string(refusal.number)}});
}

std::string base64url_decode(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return {};
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xFF);
  }
  return out;
}

/// Claims only: the sandbox knows no certificate to check the signature against.
bool good_assertion(const std::string& assertion, const std::string& client, const std::string& tenant,
                    WallTime now) {
  const auto first = assertion.find('.');
  const auto second = first == std::string::npos ? first : assertion.find('.', first + 1);
  if (second == std::string::npos || second + 1 == assertion.size()) return false;
  const auto header = parse_json(base64url_decode(std::string_view(assertion).substr(0, first)));
  const auto claims =
      parse_json(base64url_decode(std::string_view(assertion).substr(first + 1, second - first - 1)));
  if (!header || !claims || !header->is_object() || !claims->is_object()) return false;
  const Json alg = header->value("alg", Json());
  if (alg != "PS256" && alg != "RS256") return false;
  const Json audience = claims->value("aud", Json());
  const Json end = claims->value("exp", Json());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  return claims->value("iss", Json()) == client && claims->value("sub", Json()) == client &&
         audience.is_string() &&
         audience.get_ref<const std::string&>().ends_with("/" + tenant + std::string(token_path)) &&
         end.is_number() && end.get<double>() > static_cast<double>(seconds);
}

using Form = std::vector<std::pair<std::string, std::string>>;
std::string field(const Form& form, std::string_view name) {
  for (const auto& [key, value] : form)
    if (key == name) return value;
  return {};
}

std::optional<Refusal> check_request(const State& state, const std::string& tenant, const Form& form) {
  const Settings& settings = state.settings;
  if (tenant == "common" || tenant == "organizations" || tenant == "consumers")
    return Refusal{
        400, "invalid_request", 90124,
        "Resource cannot be accessed through the tenant-independent endpoint with client credentials."};
  if (settings.tenant && tenant != *settings.tenant)
    return Refusal{400, "invalid_request", 90002, "Tenant '" + tenant + "' not found."};
  if (field(form, "grant_type").empty())
    return Refusal{400, "invalid_request", 900144,
                   "The request body must contain the following parameter: 'grant_type'."};
  if (field(form, "grant_type") != "client_credentials")
    return Refusal{400, "unsupported_grant_type", 70003,
                   "The app requested an unsupported grant type '" + field(form, "grant_type") + "'."};
  const std::string client = field(form, "client_id");
  if (client.empty())
    return Refusal{400, "invalid_request", 900144,
                   "The request body must contain the following parameter: 'client_id'."};
  if (settings.client_id && client != *settings.client_id)
    return Refusal{
        400, "unauthorized_client", 700016,
        "Application with identifier '" + client + "' was not found in the directory '" + tenant + "'."};
  const std::string scope = field(form, "scope");
  if (!scope.ends_with("/.default") || scope.find(' ') != std::string::npos)
    return Refusal{400, "invalid_scope", 70011,
                   "The provided value for the input parameter 'scope' is not valid."};
  return std::nullopt;
}

std::optional<Refusal> check_proof(const State& state, const std::string& tenant, const Form& form,
                                   WallTime now) {
  const std::string secret = field(form, "client_secret");
  const std::string assertion = field(form, "client_assertion");
  if (secret.empty() && assertion.empty())
    return Refusal{
        401, "invalid_client", 7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."};
  if (!assertion.empty()) {
    if (field(form, "client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
      return Refusal{400, "invalid_request", 900144,
                     "The request body must contain the following parameter: 'client_assertion_type'."};
    if (good_assertion(assertion, field(form, "client_id"), tenant, now)) return std::nullopt;
    return Refusal{401, "invalid_client", 700027,
                   "The certificate with identifier used to sign the client assertion is not registered on "
                   "application, or the assertion is not valid."};
  }
  if (!state.settings.client_secret || secret == *state.settings.client_secret) return std::nullopt;
  return Refusal{401, "invalid_client", 7000215,
                 "Invalid client secret provided. Ensure the secret being sent in the request is the client "
                 "secret value, not the client secret ID."};
}

Response token(const Request& request, State& state, const std::string& tenant, WallTime now) {
  ++state.stats.tokens;
  const Form form = http_server::parse_query(request.body);
  auto refusal = check_request(state, tenant, form);
  if (!refusal) refusal = check_proof(state, tenant, form, now);
  if (refusal) return refuse(state, *refusal, now);
  std::erase_if(state.tokens, [&](const auto& known) { return known.second <= now; });
  const std::string bearer = "sandbox." + random_uuid(state) + random_uuid(state);
  state.tokens[bearer] = now + state.settings.token_lifetime;
  const auto seconds = state.settings.token_lifetime.count();
  return json(200, {{"token_type", "Bearer"},
                    {"expires_in", seconds},
                    {"ext_expires_in", seconds},
                    {"access_token", bearer}});
}

Response discovery(const Request& request, const std::string& tenant) {
  const std::string root = "http://" + std::string(request.header("Host")) + "/" + tenant;
  return json(200, {{"issuer", root + "/v2.0"},
                    {"authorization_endpoint", root + "/oauth2/v2.0/authorize"},
                    {"token_endpoint", root + std::string(token_path)},
                    {"jwks_uri", root + "/discovery/v2.0/keys"},
                    {"response_types_supported", {"code", "id_token"}},
                    {"subject_types_supported", {"pairwise"}},
                    {"id_token_signing_alg_values_supported", {"RS256"}},
                    {"token_endpoint_auth_methods_supported", {"client_secret_post", "private_key_jwt"}}});
}

}  // namespace

Response entra(const Request& request, State& state, WallTime now) {
  const std::string path(request.path());
  const auto slash = path.find('/', 1);
  const std::string tenant = path.substr(1, slash == std::string::npos ? slash : slash - 1);
  const std::string rest = slash == std::string::npos ? "" : path.substr(slash);
  if (request.method == "POST" && rest == token_path) return token(request, state, tenant, now);
  if (request.method == "GET" && rest == "/v2.0/.well-known/openid-configuration")
    return discovery(request, tenant);
  if (request.method == "GET" && rest == "/discovery/v2.0/keys") return json(200, {{"keys", Json::array()}});
  return json(
      404,
      {{"error", {{"code", "NotFound"}, {"message", "The sandbox has no " + request.method + " " + path}}}});
}

}  // namespace rollcall::sandbox_graph
