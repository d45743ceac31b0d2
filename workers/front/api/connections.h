#pragma once
#include "common/auth/authenticator.h"
#include "common/vault/keyring.h"
#include "common/vault/token_endpoint.h"
#include "workers/front/api/routes.h"

#include <chrono>

/// What the operations on people's connections share with the pages on which they are made.
namespace rollcall::front {

/// What it takes to keep what people grant. `public_root` is where their browsers find this front: Entra ID
/// sends them back to exactly one address under it.
struct Vault {
  vault::Keyring& keyring;
  vault::TokenEndpoint& endpoint;
  auth::Authenticator& authenticator;
  std::string public_root;

  [[nodiscard]] std::string redirect_uri() const { return public_root + "/oauth/callback"; }
};

/// Throws Refused (404, vault_not_configured).
Vault& vault_of(const Parts& parts);

/// Who calls, where it is a person. Throws Refused (403, person_required).
Uuid person_of(const Call& call);

/// Where that person connects it in a browser, once. Older links for the same are void from then on.
std::string connect_link(const Parts& parts, const vault::GrantKey& key, bool may_write);

/// Long enough to read the page and to find the phone for the second factor.
inline constexpr std::chrono::minutes connect_time{15};

}  // namespace rollcall::front
