#include "ops/sandbox/graph/keys.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace rollcall::sandbox_graph {
namespace {

constexpr unsigned key_bits = 2048;
constexpr int pss_salt_bytes = 32;  // RFC 7518: as long as the digest

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

void check(bool worked, const char* what) {
  if (worked) return;
  ERR_clear_error();
  throw Error(Fault::transient, "internal", std::string("OpenSSL failed: ") + what);
}

[[noreturn]] void invalid(const char* why) {
  ERR_clear_error();
  throw Error(Fault::config, "setting_invalid", why);
}

Bio open_pem(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  check(bio != nullptr, "memory");
  return bio;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string digest_of(X509* certificate, const EVP_MD* kind) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  check(X509_digest(certificate, kind, hash, &length) == 1, "certificate digest");
  return crypto::base64url({reinterpret_cast<const char*>(hash), length});
}

/// A number of the public key as JWK writes it: big-endian, base64url.
std::string parameter(EVP_PKEY* key, const char* name) {
  BIGNUM* found = nullptr;
  check(EVP_PKEY_get_bn_param(key, name, &found) == 1, "key parameter");
  const Number number(found, BN_free);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return crypto::base64url(bytes);
}

}  // namespace

SigningKey::SigningKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {
  // The members RFC 7638 names, in its order, without white space.
  const std::string canonical = R"({"e":")" + parameter(key_.get(), OSSL_PKEY_PARAM_RSA_E) +
                                R"(","kty":"RSA","n":")" + parameter(key_.get(), OSSL_PKEY_PARAM_RSA_N) +
                                "\"}";
  kid_ = crypto::base64url(crypto::sha256(canonical));
}

SigningKey SigningKey::generate() {
  std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(key_bits), EVP_PKEY_free);
  check(key != nullptr, "key generation");
  return SigningKey(std::move(key));
}

SigningKey SigningKey::from_pem(std::string_view pem) {
  char no_passphrase[] = "";
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(open_pem(pem).get(), nullptr, nullptr, no_passphrase),
                                EVP_PKEY_free);
  if (!key || EVP_PKEY_is_a(key.get(), "RSA") != 1) invalid("the signing key is not an RSA key in PEM");
  return SigningKey(std::move(key));
}

std::string SigningKey::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
  check(bio && PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "key export");
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

Json SigningKey::jwk() const {
  return {{"kty", "RSA"},
          {"use", "sig"},
          {"kid", kid_},
          {"n", parameter(key_.get(), OSSL_PKEY_PARAM_RSA_N)},
          {"e", parameter(key_.get(), OSSL_PKEY_PARAM_RSA_E)}};
}

std::string SigningKey::sign_rs256(std::string_view text) const {
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  check(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1,
        "signature set-up");
  std::size_t length = 0;
  check(EVP_DigestSign(context.get(), nullptr, &length, bytes_of(text), text.size()) == 1, "signature");
  std::string signature(length, '\0');
  check(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                       bytes_of(text), text.size()) == 1,
        "signature");
  signature.resize(length);
  return signature;
}

Certificate Certificate::from_pem(std::string_view pem) {
  const std::unique_ptr<X509, decltype(&X509_free)> read(
      PEM_read_bio_X509(open_pem(pem).get(), nullptr, nullptr, nullptr), X509_free);
  if (!read) invalid("the client certificate is not a certificate in PEM");
  Certificate certificate;
  certificate.key_.reset(X509_get_pubkey(read.get()), EVP_PKEY_free);
  if (!certificate.key_ || EVP_PKEY_is_a(certificate.key_.get(), "RSA") != 1)
    invalid("the client certificate's key is not an RSA key");
  certificate.x5t_ = digest_of(read.get(), EVP_sha1());
  certificate.x5t_s256_ = digest_of(read.get(), EVP_sha256());
  return certificate;
}

bool Certificate::verify(std::string_view algorithm, std::string_view text,
                         std::string_view signature) const {
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* options = nullptr;  // owned by `context`
  check(context && EVP_DigestVerifyInit(context.get(), &options, EVP_sha256(), nullptr, key_.get()) == 1,
        "verification set-up");
  if (algorithm == "PS256")
    check(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(options, pss_salt_bytes) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) == 1,
          "verification set-up");
  const bool good = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                                     text.size()) == 1;
  ERR_clear_error();  // a wrong signature leaves its reason behind
  return good;
}

}  // namespace rollcall::sandbox_graph
