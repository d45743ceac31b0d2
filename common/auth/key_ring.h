#pragma once
#include "common/auth/key_set.h"
#include "common/core/clock.h"
#include "common/http_client/client.h"
#include "common/metrics/metrics.h"

#include <functional>
#include <memory>
#include <string>

namespace rollcall::auth {

/// The authority's signing keys, kept in memory by the rules of the identity platform (signing-key-rollover):
/// loaded at the start, again every hour, and where a token names an unknown key, but that at most once in 5
/// minutes whoever asks, so that no flood of tokens becomes a flood of requests. One request at a time. What
/// was loaded stays good through failures, and for 24 hours after the authority last named it. Asks only
/// where the configuration says, never where a token says. Callable from any thread.
class KeyRing {
 public:
  struct Options {
    std::string authority;  ///< "https://login.microsoftonline.com"
    std::string tenant_id;
    std::string issuer;  ///< what discovery must call itself
  };
  using Found = std::shared_ptr<const Key>;
  using OnFound = std::function<void(Result<Found>)>;

  /// Asks nothing yet. Transport, clock and registry must outlive it.
  KeyRing(http_client::Transport& transport, const Clock& clock, Options options,
          metrics::Registry& registry);
  /// Who still waits is dropped unanswered; an answer that is being given is waited for.
  ~KeyRing();
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  /// Null where it is not in memory.
  [[nodiscard]] Found in_memory(const std::string& kid) const;
  /// Answers before it returns where that can be decided; otherwise from the transport's thread when the keys
  /// are there. Problems: `token_invalid`, the authority has no such key; `keys_not_available`, it cannot be
  /// known.
  void find(const std::string& kid, OnFound done);
  /// Starts what the schedule asks for: to be called about every second, from anywhere.
  void refresh_if_due();

  [[nodiscard]] bool ready() const;
  /// For /readyz; empty where it is ready.
  [[nodiscard]] std::string why_not_ready() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace rollcall::auth
