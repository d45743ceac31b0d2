#include "common/crypto/hmac.h"

#include "common/core/error.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace rollcall::crypto {
namespace {

constexpr std::size_t key_bytes = 32;

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string code(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), bytes_of(code), &length))
    throw Error(Fault::transient, "internal", "OpenSSL failed: HMAC");
  code.resize(length);
  return code;
}

std::string new_key() {
  std::string key(key_bytes, '\0');
  if (RAND_bytes(bytes_of(key), static_cast<int>(key.size())) != 1)
    throw Error(Fault::transient, "internal", "OpenSSL failed: random bytes");
  return key;
}

}  // namespace rollcall::crypto
