#include "ops/sandbox/graph/jwt.h"

#include "common/crypto/crypto.h"

#include <cctype>

namespace rollcall::sandbox_graph {
namespace {

std::optional<std::string> base64url_decode(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xFF);
  }
  return out;
}

std::optional<Json> object(std::string_view encoded) {
  const auto text = base64url_decode(encoded);
  if (!text) return std::nullopt;
  auto parsed = parse_json(*text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return std::move(*parsed);
}

}  // namespace

std::optional<Jwt> parse_jwt(const std::string& text) {
  const auto first = text.find('.');
  const auto second = first == std::string::npos ? first : text.find('.', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const std::string_view view = text;
  auto header = object(view.substr(0, first));
  auto claims = object(view.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(view.substr(second + 1));
  if (!header || !claims || !signature || signature->empty()) return std::nullopt;
  return Jwt{std::move(*header), std::move(*claims), text.substr(0, second), std::move(*signature)};
}

std::string sign_jwt(const SigningKey& key, const Json& claims) {
  const Json header{{"typ", "JWT"}, {"alg", "RS256"}, {"kid", key.kid()}};
  const std::string signed_part = crypto::base64url(dump(header)) + "." + crypto::base64url(dump(claims));
  return signed_part + "." + crypto::base64url(key.sign_rs256(signed_part));
}

}  // namespace rollcall::sandbox_graph
