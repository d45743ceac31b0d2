#include "ops/sandbox/graph/sign_in.h"

#include "common/core/percent.h"
#include "common/crypto/crypto.h"
#include "ops/sandbox/graph/client_proof.h"
#include "ops/sandbox/graph/identity.h"
#include "ops/sandbox/graph/jwt.h"

#include <algorithm>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '<'   ? "&lt;"
           : c == '>' ? "&gt;"
           : c == '&' ? "&amp;"
           : c == '"' ? "&quot;"
                      : std::string(1, c);
  return out;
}

Response html(int status, const std::string& body) {
  return {status,
          {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}},
          "<!DOCTYPE html><html><body>" + body + "</body></html>"};
}

/// Back to the app, by redirection or by a form that sends itself.
Response send_back(const std::string& redirect_uri, const std::string& mode, const Form& fields) {
  if (mode == "form_post") {
    std::string inputs;
    for (const auto& [name, value] : fields)
      inputs += "<input type=\"hidden\" name=\"" + name + "\" value=\"" + escaped(value) + "\">";
    return html(200, "<form method=\"post\" action=\"" + escaped(redirect_uri) + "\">" + inputs +
                         "</form><script>document.forms[0].submit()</script>");
  }
  std::string target = redirect_uri;
  for (const auto& [name, value] : fields)
    target += (target.find('?') == std::string::npos ? "?" : "&") + name + "=" + percent_encode(value);
  return {302, {{"Location", target}, {"Cache-Control", "no-store"}}, {}};
}

/// Exactly one of those registered: no prefixes, no patterns.
void check_redirect(const Settings& settings, const std::string& uri) {
  const bool registered =
      settings.redirect_uris.empty()
          ? uri.find("://") != std::string::npos && uri.find('#') == std::string::npos
          : std::ranges::find(settings.redirect_uris, uri) != settings.redirect_uris.end();
  if (!registered)
    throw Refusal{400, "invalid_request", 50011,
                  "The redirect URI '" + uri +
                      "' specified in the request does not match the redirect URIs configured for the "
                      "application."};
}

const User& person(const State& state, const std::string& hint) {
  const auto& directory = state.directory;
  if (hint.empty()) {
    const auto first = std::ranges::find(directory.users, false, &User::deleted);
    if (first != directory.users.end()) return *first;
  }
  const auto [begin, end] = directory.by_upn.equal_range(lower(hint));
  for (auto it = begin; it != end; ++it)
    if (!directory.users[it->second].deleted) return directory.users[it->second];
  throw Refusal{400, "invalid_request", 50034,
                "The user account '" + hint + "' does not exist in the directory."};
}

/// What is wrong with a request whose redirect URI is good. Throws Refusal.
AuthorizationCode read_request(State& state, const Form& query, WallTime now) {
  AuthorizationCode code;
  code.client = field(query, "client_id");
  code.redirect_uri = field(query, "redirect_uri");
  code.scope = required(query, "scope");
  code.nonce = field(query, "nonce");
  code.challenge = field(query, "code_challenge");
  code.challenge_method = field(query, "code_challenge_method");
  code.issued = now;
  if (field(query, "response_type") != "code")
    throw Refusal{400, "unsupported_response_type", 700054,
                  "The sandbox supports the response_type 'code' only."};
  if (code.challenge_method.empty()) code.challenge_method = "plain";
  if (code.challenge_method != "S256" && code.challenge_method != "plain")
    throw Refusal{400, "invalid_request", 501491, "Invalid Code_Challenge_Method."};
  if (!code.challenge.empty() && (code.challenge.size() < 43 || code.challenge.size() > 128))
    throw Refusal{400, "invalid_request", 501491, "Invalid size of Code_Challenge parameter."};
  read_scope(state, code.client, code.scope);
  if (!state.faults.sign_in_error.empty())
    throw Refusal{400, state.faults.sign_in_error.c_str(), 65004, "The sign-in was ended on purpose."};
  code.user = person(state, field(query, "login_hint")).id;
  return code;
}

Response back_with_error(const Form& query, const Refusal& refusal) {
  return send_back(field(query, "redirect_uri"), field(query, "response_mode"),
                   {{"error", refusal.error},
                    {"error_description", "AADSTS" + std::to_string(refusal.number) + ": " + refusal.text},
                    {"state", field(query, "state")}});
}

/// Without a client and a redirect URI to be trusted there is nowhere to go back to: the person sees a page.
void check_client(const Settings& settings, const Form& query) {
  const std::string client = required(query, "client_id");
  if (settings.client_id && client != *settings.client_id)
    throw Refusal{400, "unauthorized_client", 700016,
                  "Application with identifier '" + client + "' was not found in the directory."};
  check_redirect(settings, required(query, "redirect_uri"));
}

Response page(const Refusal& refusal) {
  return html(refusal.status,
              "<p>AADSTS" + std::to_string(refusal.number) + ": " + escaped(refusal.text) + "</p>");
}

}  // namespace

Response authorize(const Request& request, State& state, const std::string&, WallTime now) {
  const Form query = http_server::parse_query(request.query());
  try {
    check_client(state.settings, query);
  } catch (const Refusal& refusal) {
    return page(refusal);
  }
  try {
    AuthorizationCode made = read_request(state, query, now);
    const std::string code = "1.A" + crypto::base64url(random_uuid(state) + random_uuid(state));
    std::erase_if(state.entra.codes,
                  [&](const auto& known) { return now - known.second.issued > std::chrono::hours(1); });
    state.entra.codes[code] = std::move(made);
    return send_back(
        field(query, "redirect_uri"), field(query, "response_mode"),
        {{"code", code}, {"state", field(query, "state")}, {"session_state", random_uuid(state)}});
  } catch (const Refusal& refusal) {
    return back_with_error(query, refusal);
  }
}

Response admin_consent(const Request& request, State& state, const std::string& tenant, WallTime) {
  const Form query = http_server::parse_query(request.query());
  try {
    check_client(state.settings, query);
    if (tenant == "common")
      throw Refusal{400, "invalid_request", 9001023, "Admin consent is not given through /common."};
  } catch (const Refusal& refusal) {
    return page(refusal);
  }
  if (!state.faults.sign_in_error.empty())
    return back_with_error(query, {400, state.faults.sign_in_error.c_str(), 65004, "Consent was declined."});
  return send_back(field(query, "redirect_uri"), "query",
                   {{"admin_consent", "True"},
                    {"tenant", tenant_id(state, tenant)},
                    {"state", field(query, "state")},
                    {"scope", field(query, "scope")}});
}

}  // namespace rollcall::sandbox_graph
