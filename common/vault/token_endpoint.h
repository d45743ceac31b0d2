#pragma once
#include "common/core/clock.h"
#include "common/graph/token_exchange.h"
#include "common/http_client/client.h"
#include "common/vault/connectors.h"

#include <chrono>
#include <optional>
#include <string>

namespace rollcall::vault {

/// What came of a request for a person's tokens: one of the two.
struct TokenReply {
  std::optional<graph::TokenAnswer> tokens;
  std::optional<graph::TokenRefusal> refusal;
  std::chrono::milliseconds took{};
};

/// The delegated grants at Entra ID: authorization code with PKCE, and refresh (v2-oauth2-auth-code-flow).
/// Asks once and keeps nothing. Safe from any thread; blocks.
class TokenEndpoint {
 public:
  /// `graph_root`: Microsoft Graph, without version, as in the scopes. Transport and clock must outlive it.
  TokenEndpoint(http_client::Transport& transport, const Clock& clock, graph::Credentials credentials,
                std::string graph_root);

  TokenReply redeem(const std::string& code, const std::string& verifier, const std::string& redirect_uri,
                    Connector connector, bool may_write);
  TokenReply refresh(const std::string& refresh_token, Connector connector, bool may_write);

  [[nodiscard]] const graph::Credentials& credentials() const { return credentials_; }
  [[nodiscard]] const std::string& graph_root() const { return graph_root_; }

 private:
  TokenReply ask(const std::string& grant, const graph::FormFields& fields);

  http_client::Transport& transport_;
  const Clock& clock_;
  const graph::Credentials credentials_;
  const std::string graph_root_;
};

/// Why a grant is over, as a reason code, or empty where the refusal is about something else: a bad minute,
/// or a setting of ours. Pure.
std::string why_over(const graph::TokenRefusal& refusal);

}  // namespace rollcall::vault
