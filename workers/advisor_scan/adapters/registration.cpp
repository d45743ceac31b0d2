#include "workers/advisor_scan/adapters/registration.h"

#include "common/core/error.h"
#include "common/core/json.h"
#include "common/core/percent.h"
#include "common/crypto/certificate.h"
#include "common/crypto/crypto.h"
#include "common/graph/reads.h"

namespace rollcall::advisor_scan {
namespace {

void add_credentials(const Json& application, const char* list, const char* kind, Snapshot& snapshot) {
  const auto found = application.find(list);
  if (found == application.end() || !found->is_array()) return;
  for (const auto& one : *found) {
    const auto ends_at = parse_rfc3339(text_member(one, "endDateTime"));
    if (!one.is_object() || !ends_at) continue;
    snapshot.credentials.push_back(
        {kind, text_member(one, "keyId"), text_member(one, "displayName"), *ends_at});
  }
}

}  // namespace

void read_certificate(const std::string& pem, Snapshot& snapshot) {
  if (pem.empty()) return;
  const auto facts = crypto::read_certificate(pem);
  if (!facts)
    throw Error(Fault::config, "setting_invalid",
                "MS_AUTH_CERTIFICATE holds no certificate that can be read");
  snapshot.certificates.push_back(
      {"certificate", facts->thumbprint, facts->subject, WallTime{std::chrono::seconds{facts->ends_at}}});
}

void read_application(graph::Client& client, const std::stop_token& stop, Snapshot& snapshot) {
  graph::CallContext call;
  call.priority = graph::Priority::bulk;
  call.patience = std::chrono::seconds{5};
  call.deadline = std::chrono::seconds{30};
  call.stop = stop;
  const auto answer = client.send(graph::get("/applications(appId='" + percent_encode(snapshot.client_id) +
                                             "')?$select=passwordCredentials,keyCredentials"),
                                  call);
  if (answer.status >= 500)
    throw Error(Fault::transient, "graph_unavailable", "Microsoft Graph: " + graph::describe(answer));
  if (!answer.ok()) {
    // 403: not permitted; 404: an app of another tenant is registered there alone.
    snapshot.application_hidden = "status " + std::to_string(answer.status) + " " + answer.error_code;
    return;
  }
  add_credentials(answer.body, "passwordCredentials", "secret", snapshot);
  add_credentials(answer.body, "keyCredentials", "certificate", snapshot);
}

std::vector<std::string> roles_of(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  const auto claims = crypto::base64url_decode(token.substr(first + 1, second - first - 1));
  const auto parsed = claims ? parse_json(*claims) : Result<Json>(Json(nullptr));
  if (!parsed || !parsed->is_object()) return {};
  const auto roles = parsed->find("roles");
  if (roles == parsed->end() || !roles->is_array()) return {};
  std::vector<std::string> names;
  for (const auto& role : *roles)
    if (role.is_string()) names.push_back(role.get<std::string>());
  return names;
}

void read_permissions(graph::TokenSource& tokens, const std::stop_token& stop, Snapshot& snapshot) {
  snapshot.permissions = roles_of(tokens.token(stop));
  if (snapshot.permissions.empty())
    throw Error(Fault::not_found, "permissions_not_shown",
                "the token of Microsoft Graph does not say which permissions it carries");
}

}  // namespace rollcall::advisor_scan
