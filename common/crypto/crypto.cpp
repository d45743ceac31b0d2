#include "common/crypto/crypto.h"

#include "common/core/error.h"
#include "common/core/json.h"
#include "common/crypto/openssl.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace rollcall::crypto {
namespace {

using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

// Never change: ids made from it are stored. c858a36f-9736-40a6-b2f7-8ff7131333e2
constexpr std::array<std::uint8_t, 16> own_namespace{0xc8, 0x58, 0xa3, 0x6f, 0x97, 0x36, 0x40, 0xa6,
                                                     0xb2, 0xf7, 0x8f, 0xf7, 0x13, 0x13, 0x33, 0xe2};

constexpr std::string_view base64url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr int rsa_bits_min = 2048;
constexpr int salt_bytes = 32;
constexpr long assertion_seconds = 600;

void check(bool worked, const char* what) {
  if (worked) return;
  ERR_clear_error();  // the queue belongs to the thread: what stays in it would be read by the next caller
  throw Error(Fault::transient, "internal", std::string("OpenSSL failed: ") + what);
}

[[noreturn]] void refuse_certificate(const std::string& why) {
  ERR_clear_error();
  throw Error(Fault::config, "setting_invalid",
              "the certificate for Microsoft Graph cannot be used: " + why +
                  ". It must be PEM text with a certificate and its unencrypted RSA private key");
}

/// For ids and jitter, never for keys: drawn ahead by the kilobyte, as OpenSSL takes a microsecond however
/// few are asked for.
void fill_random(std::uint8_t* bytes, std::size_t count) {
  thread_local std::array<std::uint8_t, 1024> ahead;
  thread_local std::size_t left = 0;
  for (std::size_t filled = 0; filled < count;) {
    if (left == 0) {
      check(RAND_bytes(ahead.data(), static_cast<int>(ahead.size())) == 1, "random bytes");
      left = ahead.size();
    }
    const std::size_t taken = std::min(left, count - filled);
    std::copy_n(ahead.end() - static_cast<std::ptrdiff_t>(left), taken, bytes + filled);
    left -= taken;
    filled += taken;
  }
}

/// Fetched once: EVP_sha256() and its kin are looked up anew, under locks, by every digest.
struct DigestKind {
  explicit DigestKind(const char* name) : kind(EVP_MD_fetch(nullptr, name, nullptr)) {
    check(kind != nullptr, name);
  }
  std::unique_ptr<EVP_MD, Deleter<EVP_MD_free>> kind;
};

std::vector<std::uint8_t> digest(std::string_view bytes, const DigestKind& kind) {
  thread_local const DigestContext context(EVP_MD_CTX_new());
  std::vector<std::uint8_t> result(static_cast<std::size_t>(EVP_MD_get_size(kind.kind.get())));
  check(context != nullptr && EVP_DigestInit_ex2(context.get(), kind.kind.get(), nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
            EVP_DigestFinal_ex(context.get(), result.data(), nullptr) == 1,
        "digest");
  return result;
}

std::vector<std::uint8_t> sha256_of(std::string_view bytes) {
  static const DigestKind kind("SHA256");
  return digest(bytes, kind);
}

std::string_view text_of(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

void set_version(Uuid& id, unsigned version) {
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0Fu) | (version << 4));
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3Fu) | 0x80u);
}

/// Milliseconds in the upper 48 bits used, twelve bits of fraction below; strictly rising within the process,
/// so that ids made within one tick, or across a clock set back, still sort as they were made.
std::uint64_t next_tick() {
  static std::atomic<std::uint64_t> last{0};
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto ns =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
  const std::uint64_t now = (ns / 1'000'000) << 12 | (ns % 1'000'000) * 4096 / 1'000'000;
  std::uint64_t seen = last.load();
  std::uint64_t tick = 0;
  do {
    tick = std::max(now, seen + 1);
  } while (!last.compare_exchange_weak(seen, tick));
  return tick;
}

struct Identity {
  Certificate certificate;
  Key key;
};

Bio open_pem(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  check(bio != nullptr, "memory");
  return bio;
}

Identity read_identity(std::string_view pem) {
  Identity identity;
  identity.certificate.reset(PEM_read_bio_X509(open_pem(pem).get(), nullptr, nullptr, nullptr));
  if (!identity.certificate) refuse_certificate("it holds no certificate");
  // An empty passphrase is given, lest OpenSSL asks for one on the terminal.
  char no_passphrase[] = "";
  identity.key.reset(PEM_read_bio_PrivateKey(open_pem(pem).get(), nullptr, nullptr, no_passphrase));
  if (!identity.key) refuse_certificate("it holds no readable private key");
  if (EVP_PKEY_is_a(identity.key.get(), "RSA") != 1) refuse_certificate("its key is not an RSA key");
  if (EVP_PKEY_get_bits(identity.key.get()) < rsa_bits_min)
    refuse_certificate("its key is shorter than 2048 bits");
  if (X509_check_private_key(identity.certificate.get(), identity.key.get()) != 1)
    refuse_certificate("key and certificate do not belong together");
  return identity;
}

std::string thumbprint(X509* certificate) {
  std::vector<std::uint8_t> hash(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  check(X509_digest(certificate, EVP_sha256(), hash.data(), &length) == 1, "certificate digest");
  hash.resize(length);
  return base64url(text_of(hash));
}

std::string sign_ps256(EVP_PKEY* key, std::string_view text) {
  const DigestContext context(EVP_MD_CTX_new());
  check(context != nullptr, "memory");
  EVP_PKEY_CTX* options = nullptr;  // owned by `context`
  check(EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, key) == 1 &&
            EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt_bytes) == 1 &&
            EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) == 1,
        "signature set-up");
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t length = 0;
  check(EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()) == 1, "signature");
  std::vector<std::uint8_t> signature(length);
  check(EVP_DigestSign(context.get(), signature.data(), &length, bytes, text.size()) == 1, "signature");
  signature.resize(length);
  return base64url(text_of(signature));
}

}  // namespace

Uuid new_uuid() {
  Uuid id;
  fill_random(id.bytes.data(), id.bytes.size());
  const std::uint64_t tick = next_tick();
  for (std::size_t i = 0; i < 6; ++i)
    id.bytes[i] = static_cast<std::uint8_t>(tick >> (52 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(tick >> 8 & 0x0F);
  id.bytes[7] = static_cast<std::uint8_t>(tick);
  set_version(id, 7);
  return id;
}

Uuid derived_uuid(std::initializer_list<std::string_view> parts) {
  std::string name(reinterpret_cast<const char*>(own_namespace.data()), own_namespace.size());
  const char* separator = "";
  for (const auto part : parts) {
    name.append(separator).append(part);
    separator = "\n";
  }
  static const DigestKind sha1("SHA1");  // the standard's choice for version 5; nothing rests on its strength
  const auto hash = digest(name, sha1);
  Uuid id;
  std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
  set_version(id, 5);
  return id;
}

std::string sha256_hex(std::string_view bytes) {
  return hex(sha256_of(bytes));
}

std::string sha256(std::string_view bytes) {
  return std::string(text_of(sha256_of(bytes)));
}

bool equal_secrets(std::string_view a, std::string_view b) {
  // Digests have one length, so that not even the lengths are told.
  const std::string digest_a = sha256_hex(a), digest_b = sha256_hex(b);
  return CRYPTO_memcmp(digest_a.data(), digest_b.data(), digest_a.size()) == 0;
}

std::string base64url(std::string_view bytes) {
  static constexpr auto& digits = base64url_digits;
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  unsigned pending = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    pending = (pending << 8 | static_cast<unsigned char>(c)) & 0xFFFF;
    for (bits += 8; bits >= 6; bits -= 6)
      text += digits[pending >> (bits - 6) & 63];
  }
  if (bits > 0) text += digits[pending << (6 - bits) & 63];
  return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  static constexpr std::array<std::int8_t, 256> values = [] {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < base64url_digits.size(); ++i)
      table[static_cast<unsigned char>(base64url_digits[i])] = static_cast<std::int8_t>(i);
    return table;
  }();
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned pending = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    pending = (pending << 6 | static_cast<unsigned>(value)) & 0xFFFF;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(pending >> bits & 0xFF);
  }
  if ((pending & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

double random_unit() {
  std::array<std::uint8_t, 8> bytes;
  fill_random(bytes.data(), bytes.size());
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes)
    value = value << 8 | byte;
  return static_cast<double>(value >> 11) * 0x1.0p-53;  // 53 bits are what a double holds exactly
}

std::string random_hex(std::size_t bytes) {
  std::vector<std::uint8_t> random(bytes);
  fill_random(random.data(), bytes);
  return hex(random);
}

std::string client_assertion(std::string_view pem, std::string_view client_id,
                             std::string_view token_endpoint, long now_seconds) {
  const Identity identity = read_identity(pem);
  const Json header{{"alg", "PS256"}, {"typ", "JWT"}, {"x5t#S256", thumbprint(identity.certificate.get())}};
  const Json claims{{"aud", token_endpoint},
                    {"iss", client_id},
                    {"sub", client_id},
                    {"jti", new_uuid().to_string()},
                    {"iat", now_seconds},
                    {"nbf", now_seconds},
                    {"exp", now_seconds + assertion_seconds}};
  const std::string signed_part = base64url(dump(header)) + "." + base64url(dump(claims));
  return signed_part + "." + sign_ps256(identity.key.get(), signed_part);
}

}  // namespace rollcall::crypto
