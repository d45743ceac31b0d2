#pragma once
#include "common/core/result.h"

#include <string>
#include <string_view>

namespace rollcall::auth {

/// More than any token of Entra's for an API; what is longer is not read.
inline constexpr std::size_t token_bytes_max = std::size_t{16} * 1024;

/// A compact JWS (RFC 7515) that is well formed and names an algorithm and key we would look at. Nothing of
/// what it claims is known to be true, so its claims are not even parsed yet.
struct UnverifiedToken {
  std::string kid;          ///< a lookup key in memory, nothing else: [A-Za-z0-9_-]{1,128}
  std::string signed_part;  ///< header and payload as sent
  std::string payload;      ///< decoded: bytes, not yet JSON
  std::string signature;    ///< bytes
};

/// The token of an Authorization header's value; the scheme in any case (RFC 9110). `token_missing` where
/// there is none or another scheme, `token_invalid` where it holds more than one token.
Result<std::string_view> bearer_token(std::string_view authorization_header);

/// All that can be decided before a key is known: size, three segments of strict base64url, a header without
/// duplicate members, `alg` exactly RS256, no critical extensions, a usable `kid`. What a header says about
/// where keys are to be had (jku, x5u, jwk, x5c) is not looked at. The Problem is always `token_invalid`; its
/// message is for the log and holds nothing of the token.
Result<UnverifiedToken> parse(std::string_view compact);

}  // namespace rollcall::auth
