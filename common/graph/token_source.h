#pragma once
#include "common/config/settings.h"
#include "common/core/clock.h"
#include "common/graph/bearer.h"
#include "common/http_client/client.h"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace rollcall::graph {

struct Credentials {
  std::string authority = "https://login.microsoftonline.com";
  std::string tenant_id;
  std::string client_id;
  config::Secret secret;           ///< one of the two
  config::Secret certificate_pem;  ///< certificate and private key in one PEM text
  std::string scope = "https://graph.microsoft.com/.default";
};

/// App-only tokens by the client-credentials grant (v2-oauth2-client-creds-grant-flow), by secret or by
/// certificate assertion (PS256, certificate-credentials). Kept in memory only; one request at a time whoever
/// asks (single-flight); renewed 5 minutes before the end, as MSAL does. Safe from any thread.
class TokenSource final : public Bearer {
 public:
  TokenSource(http_client::Transport& transport, const Clock& clock, Credentials credentials);
  ~TokenSource() override;

  /// A token that is good for now. Blocks while one is fetched. Throws Error:
  ///   config ("graph_token_refused") with the AADSTS number in plain words – wrong secret, unknown app or
  ///   tenant, … transient ("graph_unavailable") – the endpoint is down; throttled with retry_after – it said
  ///   so
  std::string token(const std::stop_token& stop) override;
  /// Graph refused `token` (401): forget it, unless a newer one is there already.
  void invalidate(const std::string& token) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::graph
