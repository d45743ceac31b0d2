#pragma once
#include "common/core/result.h"
#include "common/crypto/rsa_public_key.h"

#include <string>
#include <string_view>
#include <vector>

namespace rollcall::auth {

/// A signing key of the authority. `issuer` is whose tokens it may sign ("{tenantid}" stands for any tenant);
/// empty: the authority did not say.
struct Key {
  std::string kid;
  std::string issuer;
  crypto::RsaPublicKey rsa;
  std::string material;  ///< modulus and exponent: what tells two keys of the same name apart
};

/// The keys of a JSON Web Key Set (RFC 7517) that may verify RS256; others (EC, encryption, too short) are
/// passed over. A Problem "keys_not_available" where the text is no key set, holds no usable key, or gives
/// two keys the same kid: then nothing of it is to be believed.
Result<std::vector<Key>> read_key_set(std::string_view text);

/// What discovery (OpenID Connect) must say, and where the keys are by it. The Problem is
/// "keys_not_available". The keys must be on the authority's own origin: an answer that was tampered with
/// cannot lead elsewhere.
Result<std::string> read_discovery(std::string_view text, const std::string& issuer,
                                   const std::string& authority);

}  // namespace rollcall::auth
