#include "tests/unit/auth/signer.h"

#include "common/crypto/crypto.h"
#include "tests/support/catch.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace rollcall::auth_test {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string number(EVP_PKEY* key, const char* name) {
  BIGNUM* found = nullptr;
  REQUIRE(EVP_PKEY_get_bn_param(key, name, &found) == 1);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(found)), '\0');
  BN_bn2bin(found, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(found);
  return crypto::base64url(bytes);
}

/// JWS has the two numbers side by side (RFC 7518), OpenSSL in ASN.1.
std::string side_by_side(const std::string& der) {
  const unsigned char* at = bytes_of(der);
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  REQUIRE(signature != nullptr);
  std::string bytes(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32);
  ECDSA_SIG_free(signature);
  return bytes;
}

}  // namespace

Signer::Signer(std::string name, evp_pkey_st* key) : kid(std::move(name)), key_(key, EVP_PKEY_free) {
  REQUIRE(key != nullptr);
}

Signer Signer::rsa(std::string kid, unsigned bits) {
  return {std::move(kid), EVP_RSA_gen(bits)};
}

Signer Signer::p256(std::string kid) {
  return {std::move(kid), EVP_EC_gen("P-256")};
}

std::string Signer::sign(const std::string& algorithm, std::string_view text) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  const EVP_MD* digest = algorithm == "RS384" ? EVP_sha384() : EVP_sha256();
  REQUIRE(EVP_DigestSignInit(context, &options, digest, nullptr, key_.get()) == 1);
  if (algorithm == "PS256") REQUIRE(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
  std::size_t length = 0;
  REQUIRE(EVP_DigestSign(context, nullptr, &length, bytes_of(text), text.size()) == 1);
  std::string signature(length, '\0');
  REQUIRE(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &length, bytes_of(text),
                         text.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(length);
  return algorithm == "ES256" ? side_by_side(signature) : signature;
}

Json Signer::jwk() const {
  return {{"kty", "RSA"},
          {"use", "sig"},
          {"kid", kid},
          {"n", number(key_.get(), OSSL_PKEY_PARAM_RSA_N)},
          {"e", number(key_.get(), OSSL_PKEY_PARAM_RSA_E)}};
}

std::string Signer::public_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  REQUIRE(PEM_write_bio_PUBKEY(bio, key_.get()) == 1);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(length));
  BIO_free(bio);
  return pem;
}

std::string Signer::public_der() const {
  unsigned char* bytes = nullptr;
  const int length = i2d_PUBKEY(key_.get(), &bytes);
  REQUIRE(length > 0);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string mac(32, '\0');
  unsigned length = 0;
  REQUIRE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
               reinterpret_cast<unsigned char*>(mac.data()), &length) != nullptr);
  return mac;
}

}  // namespace rollcall::auth_test
