#pragma once
#include "common/auth/caller.h"
#include "common/auth/key_set.h"
#include "common/auth/token.h"
#include "common/core/result.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::auth {

/// Whose tokens, for whom. Every comparison is exact.
struct Policy {
  std::vector<std::string>
      audiences;  ///< of which `aud` must name one: client id (v2), App ID URI (v1, Copilot)
  std::vector<std::string> tenants;  ///< lower-case GUIDs
  std::vector<std::string> clients;  ///< lower-case GUIDs that azp or appid may be; empty: any
  /// The same for tokens that Copilot brings (Caller::for_copilot): they open what agents call, and nothing
  /// else.
  std::vector<std::string> copilot_audiences = {}, copilot_clients = {};
  std::string issuer_v2;  ///< with {tenantid} where the tenant goes
  std::string issuer_v1;
  std::chrono::seconds skew{120};  ///< that clocks may differ; Microsoft's own default is 300 s
};

/// A template of an issuer with the tenant put in.
std::string issuer_of(const std::string& issuer_template, const std::string& tenant_id);

/// Signature, then claims. Pure: `key` is the one with the token's kid, `now` is given. The Problem is always
/// `token_invalid`; its message is for the log and holds nothing of the token.
Result<Caller> verify(const UnverifiedToken& token, const Key& key, const Policy& policy,
                      std::chrono::system_clock::time_point now);

/// What the claims say of the caller, once the signature is known to be the key's: issuer, tenant, audience,
/// times, kind, client, identity (access-tokens and claims-validation of the identity platform, RFC 9068, RFC
/// 8725). `key_issuer` is whose tokens the key may sign, empty where that was not said.
Result<Caller> read_claims(std::string_view payload, const std::string& key_issuer, const Policy& policy,
                           std::chrono::system_clock::time_point now);

/// Who signed in at a sign-in of our own.
struct SignedIn {
  std::string tenant_id;  ///< tid, lower-case GUID
  std::string object_id;  ///< oid, lower-case GUID
  std::string name;       ///< preferred_username: to be shown, never to be compared
};

/// An ID token that was asked for with this client id and nonce (OpenID Connect Core, 3.1.3.7; id-tokens).
/// Such a token is good for nothing else: as an access token it is refused.
Result<SignedIn> verify_id_token(const UnverifiedToken& token, const Key& key, const Policy& policy,
                                 const std::string& client_id, const std::string& nonce,
                                 std::chrono::system_clock::time_point now);

}  // namespace rollcall::auth
