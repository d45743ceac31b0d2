#pragma once
#include "common/vault/connectors.h"
#include "common/vault/keyring.h"
#include "common/vault/renewal.h"

#include <stop_token>
#include <string>
#include <vector>

namespace rollcall::vault {

struct AccessToken {
  std::string token;
  /// Of the grant, not of the token: Entra ID puts into a token whatever the person ever granted to the app,
  /// so a connector that may not write must not, whatever its token would allow.
  bool may_write = false;
  std::vector<std::string> scopes;
  std::chrono::milliseconds expires_in{};
};

/// Tokens of people, for connectors. Safe from any thread, in any number of processes.
class Grants {
 public:
  /// All must outlive it.
  Grants(postgres::Database& database, Keyring& keyring, Renewer& renewer);

  /// A token that is good for some minutes. One query where it need not be renewed; else one request to Entra
  /// ID, whoever of all processes makes it. Throws Error:
  ///   denied ("not_connected", "reconnect_needed") – the person must connect, anew
  ///   transient, throttled (with retry_after) – Entra ID or the database is away
  ///   config – Entra ID refuses the app, or the key of the grant is missing
  AccessToken access_token(const GrantKey& key, const std::stop_token& stop);

  /// Microsoft Graph refuses `token`, which should be good: the grant is renewed now, unless it was since.
  /// Throws as access_token().
  void renew(const GrantKey& key, const std::string& token, const std::stop_token& stop);
  /// Microsoft Graph refuses the renewed one as well: the person must connect again. Nothing where the grant
  /// holds another token by now.
  void give_up(const GrantKey& key, const std::string& token);

 private:
  postgres::Database& database_;
  Keyring& keyring_;
  Renewer& renewer_;
};

}  // namespace rollcall::vault
