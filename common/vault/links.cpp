#include "common/vault/links.h"

#include "common/core/percent.h"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace rollcall::vault {
namespace {

using Parameters = std::initializer_list<std::pair<std::string_view, std::string>>;

std::string link(const graph::Credentials& credentials, std::string_view path, const Parameters& parameters) {
  std::string url = credentials.authority + "/" + percent_encode(credentials.tenant_id) + std::string(path);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    url.append(1, separator).append(name).append("=").append(percent_encode(value));
    separator = '&';
  }
  return url;
}

}  // namespace

std::string sign_in_link(const graph::Credentials& credentials, const std::string& graph_root,
                         const SignIn& sign_in, Connector connector, bool may_write) {
  // select_account: the browser may be signed in as somebody else, who would only be turned away afterwards.
  return link(credentials, "/oauth2/v2.0/authorize",
              {{"client_id", credentials.client_id},
               {"response_type", "code"},
               {"response_mode", "query"},
               {"redirect_uri", sign_in.redirect_uri},
               {"scope", scope_text(connector, may_write, graph_root)},
               {"state", sign_in.state},
               {"nonce", sign_in.nonce},
               {"code_challenge", sign_in.challenge},
               {"code_challenge_method", "S256"},
               {"prompt", "select_account"}});
}

std::string admin_consent_link(const graph::Credentials& credentials, const std::string& graph_root,
                               const std::string& redirect_uri, const std::string& state) {
  return link(credentials, "/v2.0/adminconsent",
              {{"client_id", credentials.client_id},
               {"scope", graph_root + "/.default"},
               {"redirect_uri", redirect_uri},
               {"state", state}});
}

}  // namespace rollcall::vault
