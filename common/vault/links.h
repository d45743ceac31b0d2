#pragma once
#include "common/graph/token_source.h"
#include "common/vault/connectors.h"

#include <string>

/// Where people are sent at Entra ID. Pure.
namespace rollcall::vault {

struct SignIn {
  std::string redirect_uri, state, nonce;
  std::string challenge;  ///< of PKCE, by S256
};
std::string sign_in_link(const graph::Credentials& credentials, const std::string& graph_root,
                         const SignIn& sign_in, Connector connector, bool may_write);

/// Where an administrator consents for the whole tenant to what the app registration lists
/// (v2-admin-consent). What comes back from there proves nothing and is only shown.
std::string admin_consent_link(const graph::Credentials& credentials, const std::string& graph_root,
                               const std::string& redirect_uri, const std::string& state);

}  // namespace rollcall::vault
