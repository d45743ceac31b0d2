#include "common/vault/keyring.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <utility>

#include <sodium.h>

namespace rollcall::vault {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t key_bytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t key_id_max = 64;
constexpr auto reload_every = 30s;
constexpr auto reload_for_unknown_every = 1s;
constexpr const char* setting = "ROLLCALL_VAULT_KEYS";

void prepare_sodium() {
  static const int ready = sodium_init();
  if (ready < 0) throw Error(Fault::config, "internal", "libsodium cannot be initialised");
}

struct Key {
  std::string id;
  std::shared_ptr<unsigned char> bytes;
};
using Keys = std::vector<Key>;

std::shared_ptr<unsigned char> guarded_copy(const std::string& bytes) {
  auto* memory = static_cast<unsigned char*>(sodium_malloc(key_bytes));
  if (!memory) throw Error(Fault::transient, "internal", "there is no memory for a key");
  std::shared_ptr<unsigned char> held(memory, sodium_free);
  std::copy_n(bytes.begin(), key_bytes, memory);
  sodium_mprotect_readonly(memory);
  return held;
}

bool good_id(std::string_view id) {
  return !id.empty() && id.size() <= key_id_max && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Either alphabet of base64, padded or not.
std::optional<std::string> bytes_of(std::string text) {
  while (text.ends_with('='))
    text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  auto bytes = crypto::base64url_decode(text);
  sodium_memzero(text.data(), text.size());
  return bytes;
}

std::vector<std::string> entries_of(std::string_view lines) {
  std::vector<std::string> entries;
  std::istringstream input{std::string(lines)};
  for (std::string line; std::getline(input, line);) {
    if (const auto first = line.find_first_not_of(" \t"); first != std::string::npos && line[first] == '#')
      continue;
    std::ranges::replace_if(
        line, [](char c) { return c == ',' || c == '\t' || c == '\r'; }, ' ');
    std::istringstream words(line);
    for (std::string word; words >> word;)
      entries.push_back(word);
  }
  return entries;
}

Result<Keys> parse_keys(std::string_view lines) {
  const auto wrong = [](const std::string& what) {
    return unexpected(Problem{"vault_keys_invalid", std::string(setting) + " " + what});
  };
  prepare_sodium();
  Keys keys;
  for (const auto& entry : entries_of(lines)) {
    const std::string place = "entry " + std::to_string(keys.size() + 1);
    const auto colon = entry.find(':');
    if (colon == std::string::npos) return wrong(place + " is not of the form id:base64");
    const std::string id = entry.substr(0, colon);
    if (!good_id(id))
      return wrong(place + ": the id must have 1 to 64 letters, digits, dots, underscores or hyphens");
    if (std::ranges::find(keys, id, &Key::id) != keys.end()) return wrong("has two keys with the id " + id);
    auto bytes = bytes_of(entry.substr(colon + 1));
    if (!bytes || bytes->size() != key_bytes)
      return wrong("key " + id + " is not the base64 of 32 bytes (openssl rand -base64 32 makes one)");
    keys.push_back({id, guarded_copy(*bytes)});
    sodium_memzero(bytes->data(), bytes->size());
  }
  if (keys.empty()) return wrong("has no key");
  return keys;
}

const unsigned char* data_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// The id is part of what is bound: a row cannot be made to name another key.
std::string associated(std::string_view bound_to, std::string_view key_id) {
  return std::string("rollcall vault 1\n").append(key_id).append("\n").append(bound_to);
}

class FixedKeys final : public KeyProvider {
 public:
  explicit FixedKeys(std::string lines) : lines_(std::move(lines)) {}
  std::string load() override { return lines_; }

 private:
  const std::string lines_;
};

class KeyFile final : public KeyProvider {
 public:
  explicit KeyFile(std::string path) : path_(std::move(path)) {}
  std::string load() override {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream content;
    if (!file.is_open() || !(content << file.rdbuf()))
      throw Error(Fault::config, "vault_keys_invalid",
                  std::string(setting) + "_FILE names '" + path_ + "', which is empty or cannot be read");
    return std::move(content).str();
  }

 private:
  const std::string path_;
};

}  // namespace

struct Keyring::State {
  const std::unique_ptr<KeyProvider> provider;
  const Clock& clock;
  std::mutex mutex;  // guards both below
  std::shared_ptr<const Keys> keys;
  SteadyTime loaded_at;

  State(std::unique_ptr<KeyProvider> given, const Clock& given_clock)
      : provider(std::move(given)), clock(given_clock), loaded_at(clock.steady()) {
    auto parsed = parse_keys(provider->load());
    if (!parsed) throw Error(Fault::config, parsed.error().code, parsed.error().message);
    keys = std::make_shared<const Keys>(std::move(*parsed));
  }

  /// The keys, loaded anew where they are older than that. Those in memory stay where the provider fails.
  std::shared_ptr<const Keys> no_older_than(std::chrono::seconds age) {
    const std::lock_guard lock(mutex);
    const auto now = clock.steady();
    if (now - loaded_at < age) return keys;
    loaded_at = now;
    try {
      auto parsed = parse_keys(provider->load());
      if (parsed)
        keys = std::make_shared<const Keys>(std::move(*parsed));
      else
        log::error("vault_keys_not_reloaded",
                   {{"code", parsed.error().code}, {"why", parsed.error().message}});
    } catch (const Error& error) {
      log::error("vault_keys_not_reloaded", {{"code", error.code()}, {"why", error.what()}});
    }
    return keys;
  }
};

Keyring::Keyring(std::unique_ptr<KeyProvider> provider, const Clock& clock)
    : state_(std::make_unique<State>(std::move(provider), clock)) {}
Keyring::~Keyring() = default;

Sealed Keyring::seal(std::string_view text, std::string_view bound_to) {
  const auto keys = state_->no_older_than(reload_every);
  const Key& key = keys->front();
  const std::string about = associated(bound_to, key.id);
  std::string bytes(nonce_bytes + text.size() + tag_bytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  randombytes_buf(out, nonce_bytes);  // 24 bytes: random ones do not repeat, however many there are
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + nonce_bytes, nullptr, data_of(text), text.size(),
                                             data_of(about), about.size(), nullptr, out, key.bytes.get());
  return {key.id, crypto::base64url(bytes)};
}

Result<std::string> Keyring::open(const Sealed& sealed, std::string_view bound_to) {
  auto keys = state_->no_older_than(reload_every);
  auto key = std::ranges::find(*keys, sealed.key_id, &Key::id);
  if (key == keys->end()) {
    // Another process seals by a key that came after we looked.
    keys = state_->no_older_than(reload_for_unknown_every);
    key = std::ranges::find(*keys, sealed.key_id, &Key::id);
  }
  if (key == keys->end())
    return unexpected(Problem{"vault_key_missing", "it is sealed under the key '" + sealed.key_id +
                                                       "', which " + setting + " does not have"});
  const auto bytes = crypto::base64url_decode(sealed.text);
  const Problem unreadable{"vault_unreadable", "it does not open with the key '" + sealed.key_id +
                                                   "': that is another key of the same id, or the text was "
                                                   "changed"};
  if (!bytes || bytes->size() < nonce_bytes + tag_bytes) return unexpected(unreadable);
  const std::string about = associated(bound_to, key->id);
  std::string text(bytes->size() - nonce_bytes - tag_bytes, '\0');
  const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr, data_of(*bytes) + nonce_bytes,
      bytes->size() - nonce_bytes, data_of(about), about.size(), data_of(*bytes), key->bytes.get());
  if (opened != 0) return unexpected(unreadable);
  return text;
}

std::vector<std::string> Keyring::key_ids() {
  std::vector<std::string> ids;
  for (const auto& key : *state_->no_older_than(reload_every))
    ids.push_back(key.id);
  return ids;
}

std::unique_ptr<KeyProvider> fixed_keys(std::string lines) {
  return std::make_unique<FixedKeys>(std::move(lines));
}

std::unique_ptr<KeyProvider> load_key_provider(config::Settings& settings) {
  const auto lines = settings.secret(
      setting,
      "keys that people's tokens are sealed under, id:base64 (32 bytes), the one to seal with first");
  const std::string path =
      settings.file(std::string(setting) + "_FILE", "the same from a file, read again every 30 s");
  if (lines.empty()) return nullptr;
  if (const std::string mistake = keys_mistake(lines.reveal()); !mistake.empty())
    settings.mistake(setting, mistake.substr(std::string_view(setting).size() + 1));
  if (path.empty()) return fixed_keys(lines.reveal());
  return std::make_unique<KeyFile>(path);
}

std::string keys_mistake(std::string_view lines) {
  const auto parsed = parse_keys(lines);
  return parsed ? std::string{} : parsed.error().message;
}

std::string random_secret(std::size_t bytes) {
  prepare_sodium();
  std::string random(bytes, '\0');
  randombytes_buf(random.data(), random.size());
  return crypto::base64url(random);
}

}  // namespace rollcall::vault
