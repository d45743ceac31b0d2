#include "common/auth/key_set.h"

#include "common/core/json.h"
#include "common/crypto/crypto.h"

#include <algorithm>
#include <optional>

namespace rollcall::auth {
namespace {

constexpr JsonLimits limits{.bytes_max = std::size_t{1024} * 1024, .depth_max = 16, .unique_members = true};
constexpr std::size_t keys_max = 256;
constexpr std::size_t kid_length_max = 128;

auto refused(std::string why) {
  return unexpected(Problem{"keys_not_available", std::move(why)});
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<Key> usable_key(const Json& jwk) {
  if (!jwk.is_object() || text_of(jwk, "kty") != "RSA") return std::nullopt;
  // `use` and `alg` are optional (RFC 7517), but must not contradict.
  if (jwk.contains("use") && text_of(jwk, "use") != "sig") return std::nullopt;
  if (jwk.contains("alg") && text_of(jwk, "alg") != "RS256") return std::nullopt;
  std::string kid = text_of(jwk, "kid");
  const auto modulus = crypto::base64url_decode(text_of(jwk, "n"));
  const auto exponent = crypto::base64url_decode(text_of(jwk, "e"));
  if (kid.empty() || kid.size() > kid_length_max || !modulus || !exponent) return std::nullopt;
  auto rsa = crypto::RsaPublicKey::from_parts(*modulus, *exponent);
  if (!rsa) return std::nullopt;
  return Key{std::move(kid), text_of(jwk, "issuer"), std::move(*rsa), *modulus + '.' + *exponent};
}

}  // namespace

Result<std::vector<Key>> read_key_set(std::string_view text) {
  const auto parsed = parse_json(text, limits);
  if (!parsed) return refused("the key set: " + parsed.error().code);
  if (!parsed->is_object() || !parsed->contains("keys") || !(*parsed)["keys"].is_array())
    return refused("the key set has no array \"keys\"");
  if ((*parsed)["keys"].size() > keys_max) return refused("the key set holds more than 256 keys");
  std::vector<Key> keys;
  for (const Json& jwk : (*parsed)["keys"]) {
    auto key = usable_key(jwk);
    if (!key) continue;
    if (std::ranges::find(keys, key->kid, &Key::kid) != keys.end())
      return refused("the key set gives two keys the same kid");
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return refused("the key set holds no RSA key for RS256 of 2048 bits or more");
  return keys;
}

Result<std::string> read_discovery(std::string_view text, const std::string& issuer,
                                   const std::string& authority) {
  const auto parsed = parse_json(text, limits);
  if (!parsed) return refused("the discovery document: " + parsed.error().code);
  if (!parsed->is_object()) return refused("the discovery document is no JSON object");
  if (text_of(*parsed, "issuer") != issuer) return refused("the discovery document is another issuer's");
  std::string where = text_of(*parsed, "jwks_uri");
  if (!where.starts_with(authority + "/"))
    return refused("the discovery document's jwks_uri is not on MS_AUTH_AUTHORITY");
  return where;
}

}  // namespace rollcall::auth
