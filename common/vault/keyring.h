#pragma once
#include "common/config/settings.h"
#include "common/core/clock.h"
#include "common/core/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Sealing of tokens: XChaCha20-Poly1305 (libsodium) under keys that have ids. The first key seals, all of
/// them open, so that a key is replaced while everything runs (ops/docs/adr/0014-vault.md).
namespace rollcall::vault {

/// Where keys come from: the seam for a key vault. Callable from any thread.
class KeyProvider {
 public:
  virtual ~KeyProvider() = default;
  /// Lines of "id:base64" (32 bytes each), the one to seal with first; empty lines and those that begin with
  /// '#' do not count, and a comma or a space is as good as a new line. Throws Error where it cannot be had.
  virtual std::string load() = 0;
};

/// By ROLLCALL_VAULT_KEYS, or ROLLCALL_VAULT_KEYS_FILE, which is read again as time goes by; null where
/// neither is set. The caller calls finish().
std::unique_ptr<KeyProvider> load_key_provider(config::Settings& settings);
/// The same lines for ever.
std::unique_ptr<KeyProvider> fixed_keys(std::string lines);

struct Sealed {
  std::string key_id;
  std::string text;  ///< base64url of nonce and ciphertext
};

/// Keys in memory that is neither swapped nor dumped (sodium_malloc). Safe from any thread.
class Keyring {
 public:
  /// Throws Error{config, "vault_keys_invalid"} where the provider's lines are wrong.
  Keyring(std::unique_ptr<KeyProvider> provider, const Clock& clock);
  ~Keyring();
  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;

  /// `bound_to` is what the text belongs to: it opens with exactly that, and in no other place.
  Sealed seal(std::string_view text, std::string_view bound_to);
  /// Problems: "vault_key_missing" (names the id), "vault_unreadable" (the key of that id is another one, or
  /// the text was changed or moved).
  Result<std::string> open(const Sealed& sealed, std::string_view bound_to);
  /// The first is the one that seals.
  [[nodiscard]] std::vector<std::string> key_ids();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What is wrong with such lines, without quoting a key; empty where nothing is.
std::string keys_mistake(std::string_view lines);
/// Random bytes from the operating system as base64url: for secrets in links and cookies.
std::string random_secret(std::size_t bytes = 32);

}  // namespace rollcall::vault
