#pragma once
#include "common/core/json.h"

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

/// RSA as Entra uses it: the keys that sign its tokens, and the certificate an app signs its assertions with.
/// The client's half is common/crypto; an identity provider's is of no use to anybody but the sandbox.
namespace rollcall::sandbox_graph {

class SigningKey {
 public:
  static SigningKey generate();
  /// Throws Error{config, "setting_invalid"} where it is no RSA key in PEM.
  static SigningKey from_pem(std::string_view pem);

  [[nodiscard]] std::string pem() const;
  /// Thumbprint of the key (RFC 7638).
  [[nodiscard]] const std::string& kid() const { return kid_; }
  /// As in a key set (RFC 7517), public half only.
  [[nodiscard]] Json jwk() const;
  /// RSASSA-PKCS1-v1_5 with SHA-256; bytes.
  [[nodiscard]] std::string sign_rs256(std::string_view text) const;

 private:
  explicit SigningKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  std::string kid_;
};

/// A certificate registered with the app. `x5t` and `x5t_s256` are base64url of its digests.
class Certificate {
 public:
  /// Throws Error{config, "setting_invalid"} where the text holds no RSA certificate in PEM.
  static Certificate from_pem(std::string_view pem);

  [[nodiscard]] const std::string& x5t() const { return x5t_; }
  [[nodiscard]] const std::string& x5t_s256() const { return x5t_s256_; }
  /// Whether `signature` (bytes) is this certificate's over `text`. `algorithm`: PS256 or RS256.
  [[nodiscard]] bool verify(std::string_view algorithm, std::string_view text,
                            std::string_view signature) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::string x5t_, x5t_s256_;
};

}  // namespace rollcall::sandbox_graph
