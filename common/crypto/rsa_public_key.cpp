#include "common/crypto/rsa_public_key.h"

#include "common/core/error.h"
#include "common/crypto/openssl.h"

#include <string>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace rollcall::crypto {
namespace {

constexpr int bits_min = 2048;
constexpr int bits_max = 8192;  // what a verification costs grows with the square
constexpr std::size_t exponent_bytes_max = 4;

using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;

void check(bool worked, const char* what) {
  if (worked) return;
  ERR_clear_error();  // the queue belongs to the thread: what stays in it would be read by the next caller
  throw Error(Fault::transient, "internal", std::string("OpenSSL failed: ") + what);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view bytes) {
  Number number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
  check(number != nullptr, "memory");
  return number;
}

auto refused(const char* why) {
  return unexpected(Problem{"token_invalid", why});
}

}  // namespace

Result<RsaPublicKey> RsaPublicKey::from_parts(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > bits_max / 8 + 1) return refused("its modulus is longer than 8192 bits");
  if (exponent.empty() || exponent.size() > exponent_bytes_max)
    return refused("its exponent is out of range");
  const Number n = number_of(modulus);
  const Number e = number_of(exponent);
  if (BN_num_bits(n.get()) < bits_min) return refused("its modulus is shorter than 2048 bits");
  if (BN_num_bits(n.get()) > bits_max) return refused("its modulus is longer than 8192 bits");
  if (BN_is_odd(n.get()) != 1) return refused("its modulus is even");
  if (BN_is_odd(e.get()) != 1 || BN_is_one(e.get()) == 1) return refused("its exponent is out of range");
  const Builder builder(OSSL_PARAM_BLD_new());
  check(builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
            OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
        "key parameters");
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  check(parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
            EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1,
        "key from its parameters");
  return RsaPublicKey(std::shared_ptr<EVP_PKEY>(made, EVP_PKEY_free));
}

bool RsaPublicKey::verify_rs256(std::string_view text, std::string_view signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  // The padding is PKCS #1 v1.5 where nothing else is set.
  const bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) ==
          1;
  if (!good) ERR_clear_error();  // a wrong signature leaves its reason behind
  return good;
}

}  // namespace rollcall::crypto
