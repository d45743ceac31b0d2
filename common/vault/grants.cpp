#include "common/vault/grants.h"

#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/vault/grant_store.h"

#include <algorithm>
#include <optional>

namespace rollcall::vault {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Somebody else's request: looked for ever less often, and as long as a lease may last.
constexpr milliseconds first_look = 20ms;
constexpr milliseconds longest_look = 500ms;
constexpr milliseconds patience = 120s;
// Used for a while yet, a token need not be new.
constexpr milliseconds usable = 10s;

Look connected(postgres::Database& database, const GrantKey& key) {
  auto look = look_at(database, key);
  const std::string what(facts_of(key.connector).title);
  if (!look || look->state == "disconnected")
    throw Error(Fault::denied, "not_connected", "The person has not connected " + what + ".");
  if (look->state == "reconnect")
    throw Error(Fault::denied, "reconnect_needed",
                "The person must connect " + what + " again (" + look->reason + ").");
  return std::move(*look);
}

AccessToken opened(Keyring& keyring, const GrantKey& key, const Look& look) {
  auto tokens = open_tokens(keyring, look.sealed, key);
  if (!tokens)
    throw Error(Fault::config, tokens.error().code, "The grant cannot be read: " + tokens.error().message);
  return {std::move(tokens->access_token), look.may_write, look.scopes, look.expires_in};
}

/// Whether this is still the grant's token.
bool holds(Keyring& keyring, const GrantKey& key, const Look& look, const std::string& token) {
  return opened(keyring, key, look).token == token;
}

Error error_of(const RefreshOutcome& outcome) {
  const Fault fault = outcome.refreshed == Refreshed::postponed ? Fault::transient : Fault::config;
  return {fault, outcome.code, outcome.message, outcome.retry_after};
}

}  // namespace

Grants::Grants(postgres::Database& database, Keyring& keyring, Renewer& renewer)
    : database_(database), keyring_(keyring), renewer_(renewer) {}

AccessToken Grants::access_token(const GrantKey& key, const std::stop_token& stop) {
  milliseconds waited{0};
  for (milliseconds next = first_look;; next = std::min(2 * next, longest_look)) {
    const Look look = connected(database_, key);
    if (!look.expiring) {
      if (look.to_be_marked) mark_used(database_, look.id);
      return opened(keyring_, key, look);
    }
    const bool still_good = look.expires_in > usable;
    if (look.wait > 0ms) {  // the last attempt failed, and it is not time for another
      if (still_good) return opened(keyring_, key, look);
      throw Error(Fault::throttled, "graph_unavailable",
                  "Entra ID gave no new token lately; it is asked again soon.", look.wait);
    }
    const auto outcome = renewer_.refresh(look.id, stop, When::expiring);
    if (outcome.refreshed == Refreshed::busy) {
      if (still_good) return opened(keyring_, key, look);
      if (waited >= patience || !pause(next, stop))
        throw Error(Fault::transient, "graph_unavailable", "Another process is still renewing the token.");
      waited += next;
    } else if (!outcome.code.empty() && outcome.refreshed != Refreshed::reconnect) {
      if (still_good) return opened(keyring_, key, look);
      throw error_of(outcome);
    }
  }
}

void Grants::renew(const GrantKey& key, const std::string& token, const std::stop_token& stop) {
  milliseconds waited{0};
  for (milliseconds next = first_look;; next = std::min(2 * next, longest_look)) {
    const Look look = connected(database_, key);
    if (!holds(keyring_, key, look, token)) return;
    const auto outcome = renewer_.refresh(look.id, stop, When::now);
    if (outcome.refreshed == Refreshed::busy) {
      if (waited >= patience || !pause(next, stop))
        throw Error(Fault::transient, "graph_unavailable", "Another process is still renewing the token.");
      waited += next;
    } else if (outcome.refreshed == Refreshed::renewed) {
      return;
    } else if (!outcome.code.empty() && outcome.refreshed != Refreshed::reconnect) {
      throw error_of(outcome);
    }
  }
}

void Grants::give_up(const GrantKey& key, const std::string& token) {
  const Look look = connected(database_, key);
  if (!holds(keyring_, key, look, token)) return;
  const auto held =
      take_lease(database_, look.id, crypto::new_uuid().to_string(), std::chrono::seconds{30}, When::now);
  if (held) save_over(database_, *held, "grant_token_refused", "Microsoft Graph refuses even a fresh token");
}

}  // namespace rollcall::vault
