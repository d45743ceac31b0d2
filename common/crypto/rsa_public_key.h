#pragma once
#include "common/core/result.h"

#include <memory>
#include <string_view>

struct evp_pkey_st;

namespace rollcall::crypto {

/// The public half of an RSA key that signs by RS256 (RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518) and by
/// nothing else: one key, one algorithm. Immutable; safe from any thread.
class RsaPublicKey {
 public:
  /// From modulus and exponent as a key set has them: big-endian bytes. A Problem "token_invalid" says why a
  /// key is not to be trusted: shorter than 2048 bits, longer than 8192, an exponent that is even or out of
  /// range.
  static Result<RsaPublicKey> from_parts(std::string_view modulus, std::string_view exponent);

  /// Whether `signature` (bytes) is this key's over `text`. False also where OpenSSL fails.
  [[nodiscard]] bool verify_rs256(std::string_view text, std::string_view signature) const;

 private:
  explicit RsaPublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace rollcall::crypto
