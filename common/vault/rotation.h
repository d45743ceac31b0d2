#pragma once
#include "common/postgres/postgres.h"
#include "common/vault/keyring.h"

#include <stop_token>
#include <string>
#include <vector>

/// Moving grants from one key to another, while everything runs.
namespace rollcall::vault {

struct KeyUse {
  std::string key_id;
  long grants = 0;
  bool available = false;  ///< the keyring has it
  bool seals = false;      ///< new tokens are sealed under it
};
/// The keyring's keys in their order, then those that only grants name.
std::vector<KeyUse> key_use(postgres::Database& database, Keyring& keyring);

struct Rotated {
  long resealed = 0;
  long unreadable = 0;  ///< left as they are: their key is missing, or is another
};
/// Seals all grants anew under the first key, a batch a transaction: it may be stopped and begun again at any
/// time, and several may run at once.
Rotated rotate(postgres::Database& database, Keyring& keyring, const std::stop_token& stop, long batch = 200);

}  // namespace rollcall::vault
