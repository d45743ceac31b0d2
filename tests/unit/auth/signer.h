#pragma once
#include "common/core/json.h"

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace rollcall::auth_test {

/// A real key pair, of the authority's or of somebody who would like to be taken for it.
class Signer {
 public:
  static Signer rsa(std::string kid, unsigned bits = 2048);
  static Signer p256(std::string kid);

  std::string kid;
  /// `algorithm`: RS256, RS384, PS256 or ES256. Bytes.
  [[nodiscard]] std::string sign(const std::string& algorithm, std::string_view text) const;
  /// As in a key set, public half only (RSA).
  [[nodiscard]] Json jwk() const;
  [[nodiscard]] std::string public_pem() const;
  [[nodiscard]] std::string public_der() const;

 private:
  Signer(std::string name, evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
};

std::string hmac_sha256(std::string_view key, std::string_view text);

}  // namespace rollcall::auth_test
