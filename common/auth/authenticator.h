#pragma once
#include "common/auth/caller.h"
#include "common/auth/settings.h"
#include "common/core/clock.h"
#include "common/core/result.h"
#include "common/http_client/client.h"
#include "common/metrics/metrics.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rollcall::auth {

/// Says who is calling, for the front. Callable from any thread; never blocks.
///
/// Whoever is refused learns one of three things: `token_missing` (401), `token_invalid` (401, the same words
/// whatever is wrong) or `keys_not_available` (503). What exactly is wrong is in the log (`token_refused`);
/// the token is nowhere.
class Authenticator {
 public:
  using OnDone = std::function<void(Result<Caller>)>;

  /// Begins to load the authority's keys. Transport, clock and registry must outlive it.
  Authenticator(Settings settings, http_client::Transport& transport, const Clock& clock,
                metrics::Registry& registry);
  /// Callers who still wait for keys are dropped unanswered.
  ~Authenticator();

  /// `authorization_header`: the header's value, empty where there is none. Answers before it returns where
  /// the key is in memory; otherwise later, from the transport's thread.
  void authenticate(std::string_view authorization_header, OnDone done);
  /// The same from all headers of a request: more than one Authorization header is `token_invalid`.
  void authenticate(const std::vector<std::pair<std::string, std::string>>& headers, OnDone done);

  using OnSignedIn = std::function<void(Result<SignedIn>)>;
  /// Who an ID token of a sign-in of our own is about; answers as authenticate() does. Kept nowhere.
  void identify(std::string_view id_token, const std::string& client_id, const std::string& nonce,
                OnSignedIn done);

  /// Whether there are keys: until then every caller gets `keys_not_available`.
  [[nodiscard]] bool ready() const;
  /// For /readyz; empty where it is ready.
  [[nodiscard]] std::string why_not_ready() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::auth
