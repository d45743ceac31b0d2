#pragma once
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"
#include "common/vault/connectors.h"
#include "common/vault/keyring.h"
#include "common/vault/renewal.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// vault.grants. Times are the database's, so that processes need not agree on a clock.
namespace rollcall::vault {

/// What is sealed in a row.
struct Tokens {
  std::string access_token, refresh_token;
};
Sealed seal_tokens(Keyring& keyring, const Tokens& tokens, const GrantKey& key);
Result<Tokens> open_tokens(Keyring& keyring, const Sealed& sealed, const GrantKey& key);

/// A grant as people may see it.
struct Grant {
  Uuid id = {};
  GrantKey key;
  std::string state = {}, reason = {};
  bool may_write = false;
  std::vector<std::string> scopes = {};
  std::string connected_at = {}, refreshed_at = {}, last_used_at = {};  ///< RFC 3339; empty: never
};
std::vector<Grant> grants_of(postgres::Database& database, const std::string& tenant_id, const Uuid& person);

struct NewGrant {
  GrantKey key;
  bool may_write = false;
  std::vector<std::string> scopes;
  std::string client_id;
  Sealed sealed;
  std::chrono::milliseconds lifetime{};  ///< of the access token, from now
};
/// Connected, or connected anew: in place of whatever there was. With its audit event; a finding about the
/// grant is resolved.
std::vector<runs::Stored> save_connected(postgres::Transaction& transaction, const NewGrant& grant,
                                         const runs::Asker& asker);

/// The tokens are forgotten; nothing where there are none and nothing was to be reconnected.
std::optional<std::vector<runs::Stored>> disconnect(postgres::Transaction& transaction, const GrantKey& key,
                                                    const runs::Asker& asker);

/// A grant whose lease is held: what a refresh begins from.
struct Held {
  Uuid id;
  GrantKey key;
  bool may_write = false;
  std::vector<std::string> scopes;
  std::string client_id;
  Sealed sealed;
  long generation = 0;
  int failures = 0;
};
/// Nothing where it is not connected, not yet time, or somebody else's.
std::optional<Held> take_lease(postgres::Database& database, const Uuid& grant, const std::string& holder,
                               std::chrono::seconds lease, When when);
bool is_leased(postgres::Database& database, const Uuid& grant);
/// False where the tokens were changed, or the grant ended, since the lease was taken: then nothing is saved.
bool save_refreshed(postgres::Database& database, const Held& held, const Sealed& sealed,
                    const std::vector<std::string>& scopes, std::chrono::milliseconds lifetime);
/// Tried again after `delay`; the lease is let go.
void save_postponed(postgres::Database& database, const Held& held, const std::string& holder,
                    const std::string& code, std::chrono::milliseconds delay);
/// The person must connect again; with the finding about it. False as save_refreshed().
bool save_over(postgres::Database& database, const Held& held, const std::string& code,
               const std::string& message);

/// What access_token() looks at.
struct Look {
  Uuid id;
  std::string state, reason;
  bool may_write = false;
  std::vector<std::string> scopes;
  Sealed sealed;
  bool expiring = false, to_be_marked = false;
  std::chrono::milliseconds expires_in{}, wait{};  ///< `wait`: until it may be tried again after a failure
};
std::optional<Look> look_at(postgres::Database& database, const GrantKey& key);
/// It is in use: from now on it is renewed before its access token ends.
void mark_used(postgres::Database& database, const Uuid& grant);

}  // namespace rollcall::vault
