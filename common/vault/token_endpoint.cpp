#include "common/vault/token_endpoint.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace rollcall::vault {
namespace {

/// Numbers with a reason of their own (reference-error-codes). They may change: what is done follows from the
/// error's name, and the number only says it better.
struct Numbered {
  int number;
  std::string_view code;
};
constexpr std::array numbered{
    Numbered{50173, "grant_revoked"},        // password changed or sessions revoked
    Numbered{50133, "grant_revoked"},        //
    Numbered{700082, "grant_expired"},       // unused for 90 days
    Numbered{70008, "grant_expired"},        //
    Numbered{70043, "grant_needs_sign_in"},  // sign-in frequency of a policy
    Numbered{50076, "grant_needs_sign_in"},  // second factor
    Numbered{50078, "grant_needs_sign_in"},  //
    Numbered{50079, "grant_needs_sign_in"},  //
    Numbered{53003, "grant_needs_sign_in"},  // conditional access
    Numbered{65001, "grant_needs_consent"},  // consent withdrawn
    Numbered{90094, "grant_needs_consent"},  // an administrator's
    Numbered{50057, "account_disabled"},     //
    Numbered{500341, "account_disabled"},    // deleted
};
struct Named {
  std::string_view name, code;
};
constexpr std::array named{
    Named{"invalid_grant", "grant_refused"}, Named{"interaction_required", "grant_needs_sign_in"},
    Named{"login_required", "grant_needs_sign_in"}, Named{"consent_required", "grant_needs_consent"}};

}  // namespace

std::string why_over(const graph::TokenRefusal& refusal) {
  // A client loop or a passing trouble of Entra ID's own may come as invalid_grant too.
  if (refusal.error.fault() != Fault::config) return {};
  const auto* by_name = std::ranges::find(named, refusal.name, &Named::name);
  if (by_name == named.end()) return {};
  const auto* by_number = std::ranges::find(numbered, refusal.number, &Numbered::number);
  if (by_number != numbered.end()) return std::string(by_number->code);
  if (refusal.suberror == "consent_required") return "grant_needs_consent";
  if (refusal.suberror == "basic_action" || refusal.suberror == "additional_action")
    return "grant_needs_sign_in";
  return std::string(by_name->code);
}

TokenEndpoint::TokenEndpoint(http_client::Transport& transport, const Clock& clock,
                             graph::Credentials credentials, std::string graph_root)
    : transport_(transport),
      clock_(clock),
      credentials_(std::move(credentials)),
      graph_root_(std::move(graph_root)) {}

TokenReply TokenEndpoint::redeem(const std::string& code, const std::string& verifier,
                                 const std::string& redirect_uri, Connector connector, bool may_write) {
  return ask("authorization_code", {{"code", code},
                                    {"redirect_uri", redirect_uri},
                                    {"code_verifier", verifier},
                                    {"scope", scope_text(connector, may_write, graph_root_)}});
}

TokenReply TokenEndpoint::refresh(const std::string& refresh_token, Connector connector, bool may_write) {
  return ask("refresh_token",
             {{"refresh_token", refresh_token}, {"scope", scope_text(connector, may_write, graph_root_)}});
}

TokenReply TokenEndpoint::ask(const std::string& grant, const graph::FormFields& fields) {
  const auto begun = clock_.steady();
  const auto response = transport_.send(graph::token_request(credentials_, grant, fields, clock_.wall()));
  TokenReply reply{graph::read_token_answer(response), std::nullopt,
                   std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun)};
  if (!reply.tokens) reply.refusal = graph::read_token_refusal(response, clock_.wall());
  return reply;
}

}  // namespace rollcall::vault
