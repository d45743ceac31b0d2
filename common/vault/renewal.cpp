#include "common/vault/renewal.h"

#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/vault/grant_store.h"
#include "common/vault/token_endpoint.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rollcall::vault {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Longer than the two requests of 30 s, the second between them and the saves that follow.
constexpr std::chrono::seconds lease{120};
constexpr Backoff again{.base = 10s, .cap = 15min};
constexpr milliseconds operator_delay = 5min;
constexpr int save_attempts = 5;
constexpr Backoff save_again{.base = 200ms, .cap = 3s};

constexpr std::array names{
    std::pair{Refreshed::renewed, "renewed"},
    std::pair{Refreshed::not_due, "not_due"},
    std::pair{Refreshed::busy, "busy"},
    std::pair{Refreshed::postponed, "postponed"},
    std::pair{Refreshed::refused, "refused"},
    std::pair{Refreshed::reconnect, "reconnect"},
    std::pair{Refreshed::unreadable, "unreadable"},
};

}  // namespace

const char* to_string(Refreshed refreshed) {
  return std::ranges::find(names, refreshed, &std::pair<Refreshed, const char*>::first)->second;
}

std::vector<Uuid> due_grants(postgres::Database& database, long limit) {
  std::vector<Uuid> due;
  for (const auto& row :
       database.query("SELECT id FROM vault.grants WHERE state = 'connected' AND refresh_after <= now() AND "
                      "(lease_until IS NULL OR lease_until <= now()) ORDER BY refresh_after LIMIT $1::bigint",
                      {postgres::value(limit)}))
    due.push_back(row.uuid(0));
  return due;
}

struct Renewer::State {
  postgres::Database& database;
  TokenEndpoint& endpoint;
  Keyring& keyring;
  const std::string instance;

  RefreshOutcome postpone(const Held& held, const std::string& holder, Refreshed refreshed,
                          const std::string& code, const std::string& message, milliseconds delay) {
    save_postponed(database, held, holder, code, delay);
    log::warn("grant_not_renewed", {{"grant", held.id.to_string()},
                                    {"outcome", to_string(refreshed)},
                                    {"code", code},
                                    {"why", message},
                                    {"retry_after_ms", delay.count()}});
    return {refreshed, code, message, delay};
  }

  /// One request, and another after a second on 5xx or silence, as MSAL does; none where a Retry-After was
  /// given. The same refresh token may be sent twice: it lives on.
  TokenReply ask(const Held& held, const std::string& refresh_token, const std::stop_token& stop) {
    auto reply = endpoint.refresh(refresh_token, held.key.connector, held.may_write);
    const bool once_more = reply.refusal && reply.refusal->error.fault() == Fault::transient;
    return once_more && pause(1s, stop) ? endpoint.refresh(refresh_token, held.key.connector, held.may_write)
                                        : std::move(reply);
  }

  /// The answer is in memory alone until it is saved, so a database that is away for a moment is waited for.
  bool save(const Held& held, const Sealed& sealed, const std::vector<std::string>& scopes,
            milliseconds lifetime, const std::stop_token& stop) {
    for (int attempt = 1;; ++attempt) {
      try {
        return save_refreshed(database, held, sealed, scopes, lifetime);
      } catch (const Error& error) {
        const bool patient = error.fault() == Fault::transient && attempt < save_attempts;
        if (!patient || !pause(save_again.delay(attempt, crypto::random_unit()), stop)) throw;
      }
    }
  }

  RefreshOutcome end(const Held& held, const std::string& code, const std::string& message) {
    // A refusal of a token that was replaced meanwhile says nothing of the new one.
    if (!save_over(database, held, code, message)) return {Refreshed::not_due};
    log::warn("grant_over", {{"grant", held.id.to_string()}, {"code", code}, {"why", message}});
    return {Refreshed::reconnect, code, message};
  }

  RefreshOutcome refused(const Held& held, const std::string& holder, const graph::TokenRefusal& refusal) {
    if (const auto code = why_over(refusal); !code.empty()) return end(held, code, refusal.error.what());
    const auto delay = std::max(
        again.delay(held.failures + 1, crypto::random_unit()),
        refusal.error.fault() == Fault::config ? operator_delay : refusal.error.retry_after().value_or(0ms));
    return postpone(held, holder,
                    refusal.error.fault() == Fault::config ? Refreshed::refused : Refreshed::postponed,
                    refusal.error.code(), refusal.error.what(), delay);
  }

  RefreshOutcome renewed(const Held& held, const Tokens& old, const TokenReply& reply,
                         const std::stop_token& stop) {
    const auto& answer = *reply.tokens;
    const auto scopes = answer.scope.empty() ? held.scopes : granted_scopes(answer.scope);
    if (!missing_scopes(held.key.connector, held.may_write, scopes).empty())
      return end(held, "grant_needs_consent", "Entra ID no longer grants what the connector needs");
    const Tokens tokens{answer.access_token,
                        answer.refresh_token.empty() ? old.refresh_token : answer.refresh_token};
    const auto sealed = seal_tokens(keyring, tokens, held.key);
    // Counted from before it was asked for: rather too short than too long.
    const auto lifetime = std::max<milliseconds>(milliseconds(answer.lifetime) - reply.took, 0ms);
    return {save(held, sealed, scopes, lifetime, stop) ? Refreshed::renewed : Refreshed::not_due};
  }

  RefreshOutcome refresh(const Held& held, const std::string& holder, const std::stop_token& stop) {
    const auto& client = endpoint.credentials().client_id;
    if (held.client_id != client)
      return postpone(held, holder, Refreshed::refused, "grant_of_another_app",
                      "it was granted to the app " + held.client_id + ", and this is " + client,
                      operator_delay);
    const auto tokens = open_tokens(keyring, held.sealed, held.key);
    if (!tokens)
      return postpone(held, holder, Refreshed::unreadable, tokens.error().code, tokens.error().message,
                      operator_delay);
    const auto reply = ask(held, tokens->refresh_token, stop);
    auto outcome = reply.tokens ? renewed(held, *tokens, reply, stop) : refused(held, holder, *reply.refusal);
    outcome.asked = reply.took;
    return outcome;
  }
};

Renewer::Renewer(postgres::Database& database, TokenEndpoint& endpoint, Keyring& keyring,
                 std::string instance)
    : state_(std::make_unique<State>(State{database, endpoint, keyring, std::move(instance)})) {}
Renewer::~Renewer() = default;

RefreshOutcome Renewer::refresh(const Uuid& grant, const std::stop_token& stop, When when) {
  State& s = *state_;
  // Of this attempt, not only of this process: a lease that ran out is another's even here.
  const std::string holder = s.instance + "/" + crypto::new_uuid().to_string();
  const auto held = take_lease(s.database, grant, holder, lease, when);
  if (!held) return {is_leased(s.database, grant) ? Refreshed::busy : Refreshed::not_due};
  return s.refresh(*held, holder, stop);
}

}  // namespace rollcall::vault
