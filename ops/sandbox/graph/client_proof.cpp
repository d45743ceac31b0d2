#include "ops/sandbox/graph/client_proof.h"

#include "ops/sandbox/graph/identity.h"
#include "ops/sandbox/graph/jwt.h"

/// A client secret, or an assertion signed by a registered certificate (certificate-credentials).
namespace rollcall::sandbox_graph {
namespace {

constexpr const char* jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr double skew_seconds = 300;

Refusal invalid_client(int number, std::string text) {
  return {401, "invalid_client", number, std::move(text)};
}

/// PS256 names the certificate by x5t#S256, the older RS256 by x5t.
void check_signature(const Certificate& certificate, const Jwt& jwt) {
  const Json algorithm = jwt.header.value("alg", Json());
  const bool modern = algorithm == "PS256";
  const Json named = jwt.header.value(modern ? "x5t#S256" : "x5t", Json());
  if (named != (modern ? certificate.x5t_s256() : certificate.x5t()))
    throw invalid_client(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered "
        "on application.");
  if (!certificate.verify(modern ? "PS256" : "RS256", jwt.signed_part, jwt.signature))
    throw invalid_client(700027, "Client assertion failed signature validation.");
}

void check_times(const Json& claims, WallTime now) {
  const auto at =
      static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  const Json end = claims.value("exp", Json());
  const Json begin = claims.value("nbf", Json());
  if (!end.is_number() || end.get<double>() <= at ||
      (begin.is_number() && begin.get<double>() > at + skew_seconds))
    throw invalid_client(700024, "Client assertion is not within its valid time range.");
}

/// An assertion serves once (RFC 7523).
void check_unused(State& state, const Json& claims, WallTime now) {
  const Json id = claims.value("jti", Json());
  if (!id.is_string() || id.get_ref<const std::string&>().empty())
    throw invalid_client(50027, "Invalid JWT token. The claim 'jti' is missing.");
  auto& seen = state.entra.assertions;
  std::erase_if(seen, [&](const auto& known) { return known.second <= now; });
  const auto end = WallTime(std::chrono::seconds(static_cast<std::int64_t>(claims["exp"].get<double>())));
  if (!seen.emplace(id.get<std::string>(), end).second)
    throw invalid_client(50027, "Invalid JWT token. The assertion's jti was used before.");
}

void check_assertion(State& state, const std::string& text, const std::string& client,
                     const std::string& endpoint, WallTime now) {
  const auto jwt = parse_jwt(text);
  if (!jwt) throw invalid_client(50027, "Invalid JWT token. The client assertion is malformed.");
  const Json algorithm = jwt->header.value("alg", Json());
  if (algorithm != "PS256" && algorithm != "RS256")
    throw invalid_client(700027, "Client assertion is signed with an algorithm that is not supported.");
  if (state.settings.certificate) check_signature(*state.settings.certificate, *jwt);
  if (jwt->claims.value("iss", Json()) != client || jwt->claims.value("sub", Json()) != client)
    throw invalid_client(700021,
                         "Client assertion application identifier doesn't match 'client_id' parameter.");
  if (jwt->claims.value("aud", Json()) != endpoint)
    throw invalid_client(700023, "Client assertion audience claim does not match Realm issuer.");
  check_times(jwt->claims, now);
  check_unused(state, jwt->claims, now);
}

}  // namespace

std::string field(const Form& form, std::string_view name) {
  for (const auto& [key, value] : form)
    if (key == name) return value;
  return {};
}

std::string required(const Form& form, const char* name) {
  std::string value = field(form, name);
  if (value.empty())
    throw Refusal{400, "invalid_request", 900144,
                  std::string("The request body must contain the following parameter: '") + name + "'."};
  return value;
}

std::string check_proof(State& state, const Form& form, const std::string& token_endpoint, WallTime now) {
  const std::string secret = field(form, "client_secret");
  const std::string assertion = field(form, "client_assertion");
  if (secret.empty() && assertion.empty())
    throw invalid_client(
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.");
  if (!assertion.empty()) {
    if (field(form, "client_assertion_type") != jwt_bearer) required({}, "client_assertion_type");
    check_assertion(state, assertion, field(form, "client_id"), token_endpoint, now);
    return "2";
  }
  if (state.settings.client_secret && secret != *state.settings.client_secret)
    throw invalid_client(7000215,
                         "Invalid client secret provided. Ensure the secret being sent in the request is the "
                         "client secret value, not the client secret ID.");
  return "1";
}

}  // namespace rollcall::sandbox_graph
