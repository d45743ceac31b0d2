#include "ops/sandbox/graph/jwt.h"

#include "common/crypto/crypto.h"

namespace rollcall::sandbox_graph {
namespace {

std::optional<Json> object(std::string_view encoded) {
  const auto text = crypto::base64url_decode(encoded);
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
  auto signature = crypto::base64url_decode(view.substr(second + 1));
  if (!header || !claims || !signature || signature->empty()) return std::nullopt;
  return Jwt{std::move(*header), std::move(*claims), text.substr(0, second), std::move(*signature)};
}

std::string sign_jwt(const SigningKey& key, const Json& claims) {
  const Json header{{"typ", "JWT"}, {"alg", "RS256"}, {"kid", key.kid()}};
  const std::string signed_part = crypto::base64url(dump(header)) + "." + crypto::base64url(dump(claims));
  return signed_part + "." + crypto::base64url(key.sign_rs256(signed_part));
}

}  // namespace rollcall::sandbox_graph
