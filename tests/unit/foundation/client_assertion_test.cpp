#include "common/core/error.h"
#include "common/core/json.h"
#include "common/crypto/crypto.h"
#include "tests/support/catch.h"

#include <memory>
#include <vector>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace crypto = rollcall::crypto;
using rollcall::Json;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key rsa_key(unsigned bits = 2048) {
  return {EVP_RSA_gen(bits), EVP_PKEY_free};
}
Key ec_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

Certificate certificate_of(EVP_PKEY* key) {
  Certificate certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

template <class Write>
std::string written(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string pem_of(X509* certificate) {
  return written([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}
std::string pem_of(EVP_PKEY* key, const char* passphrase = nullptr) {
  return written([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key, passphrase != nullptr ? EVP_aes_256_cbc() : nullptr, nullptr, 0,
                             nullptr, const_cast<char*>(passphrase));
  });
}

std::string decoded(std::string text) {
  for (char& c : text)
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::vector<unsigned char> bytes(text.size());
  const int length = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  REQUIRE(length >= 0);
  return {bytes.begin(), bytes.begin() + length - static_cast<long>(padding)};
}

std::vector<std::string> parts_of(const std::string& token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  return {token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
          token.substr(0, second)};
}

bool verifies(EVP_PKEY* key, const std::string& text, const std::string& signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* options = nullptr;
  EVP_DigestVerifyInit(context.get(), &options, EVP_sha256(), nullptr, key);
  EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32);
  EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

const std::string endpoint = "https://login.example/tenant/oauth2/v2.0/token";

std::string refusal_of(const std::string& pem) {
  try {
    static_cast<void>(crypto::client_assertion(pem, "app", endpoint, 1000));
  } catch (const rollcall::Error& error) {
    CHECK(error.fault() == rollcall::Fault::config);
    CHECK(error.code() == "setting_invalid");
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a client assertion is signed with PS256 as OpenSSL verifies it", "[unit][crypto]") {
  const Key key = rsa_key();
  const Certificate certificate = certificate_of(key.get());
  // Key first, as some tools write it.
  const auto parts = parts_of(
      crypto::client_assertion(pem_of(key.get()) + pem_of(certificate.get()), "app", endpoint, 1000));
  CHECK(verifies(key.get(), parts[3], decoded(parts[2])));
  CHECK_FALSE(verifies(key.get(), parts[3] + "x", decoded(parts[2])));
}

TEST_CASE("a client assertion names its certificate by the SHA-256 of its DER form", "[unit][crypto]") {
  const Key key = rsa_key();
  const Certificate certificate = certificate_of(key.get());
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate.get(), &der);
  const std::string der_text(reinterpret_cast<char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);

  const auto parts = parts_of(
      crypto::client_assertion(pem_of(certificate.get()) + pem_of(key.get()), "app", endpoint, 1000));
  const auto header = Json::parse(decoded(parts[0]));
  CHECK(header["alg"] == "PS256");
  CHECK(header["typ"] == "JWT");
  std::string thumbprint_hex;
  for (const char c : decoded(header["x5t#S256"])) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    thumbprint_hex += digits;
  }
  CHECK(thumbprint_hex == crypto::sha256_hex(der_text));
}

TEST_CASE("a client assertion speaks for the application, to the endpoint, for ten minutes, once",
          "[unit][crypto]") {
  const Key key = rsa_key();
  const std::string pem = pem_of(certificate_of(key.get()).get()) + pem_of(key.get());
  const auto claims = Json::parse(decoded(parts_of(crypto::client_assertion(pem, "app", endpoint, 1000))[1]));
  CHECK(claims["iss"] == "app");
  CHECK(claims["sub"] == "app");
  CHECK(claims["aud"] == endpoint);
  CHECK(claims["nbf"] == 1000);
  CHECK(claims["exp"] == 1600);
  const auto again = Json::parse(decoded(parts_of(crypto::client_assertion(pem, "app", endpoint, 1000))[1]));
  CHECK(claims["jti"] != again["jti"]);
}

TEST_CASE("a certificate that cannot sign is refused with the reason", "[unit][crypto]") {
  const Key key = rsa_key();
  const Key other = rsa_key();
  const Key weak = rsa_key(1024);
  const Key curve = ec_key();
  const std::string certificate = pem_of(certificate_of(key.get()).get());
  CHECK_THAT(refusal_of(""), Catch::Contains("no certificate"));
  CHECK_THAT(refusal_of("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"),
             Catch::Contains("no certificate"));
  CHECK_THAT(refusal_of(pem_of(key.get())), Catch::Contains("no certificate"));
  CHECK_THAT(refusal_of(certificate), Catch::Contains("no readable private key"));
  CHECK_THAT(refusal_of(certificate + pem_of(key.get(), "pass")), Catch::Contains("no readable private key"));
  CHECK_THAT(refusal_of(certificate + pem_of(other.get())), Catch::Contains("do not belong together"));
  CHECK_THAT(refusal_of(pem_of(certificate_of(curve.get()).get()) + pem_of(curve.get())),
             Catch::Contains("not an RSA key"));
  CHECK_THAT(refusal_of(pem_of(certificate_of(weak.get()).get()) + pem_of(weak.get())),
             Catch::Contains("2048"));
}
