#include "workers/front/mcp/seal.h"

#include "common/crypto/crypto.h"
#include "common/crypto/hmac.h"

#include <utility>

namespace rollcall::front::mcp {
namespace {

constexpr std::size_t bytes_max = 8192;

long seconds_of(WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

}  // namespace

Seal::Seal(std::string key, const Clock& clock)
    : key_(key.empty() ? crypto::new_key() : std::move(key)), clock_(clock) {}

std::string Seal::code_for(std::string_view purpose, std::string_view principal,
                           std::string_view text) const {
  // Lengths first, so that no two sequences of the three read the same.
  std::string all = std::to_string(purpose.size()) + " " + std::to_string(principal.size()) + " ";
  all.append(purpose).append(principal).append(text);
  return crypto::base64url(crypto::hmac_sha256(key_, all));
}

std::string Seal::seal(std::string_view purpose, std::string_view principal, const Json& state,
                       std::chrono::seconds lasts) const {
  const Json body = {{"s", state}, {"e", seconds_of(clock_.wall()) + lasts.count()}};
  const std::string text = crypto::base64url(dump(body));
  return text + "." + code_for(purpose, principal, text);
}

std::optional<Json> Seal::open(std::string_view purpose, std::string_view principal,
                               std::string_view sealed) const {
  const auto dot = sealed.find('.');
  if (sealed.size() > bytes_max || dot == std::string_view::npos) return std::nullopt;
  const auto text = sealed.substr(0, dot);
  if (!crypto::equal_secrets(code_for(purpose, principal, text), sealed.substr(dot + 1))) return std::nullopt;
  const auto bytes = crypto::base64url_decode(text);
  auto body = bytes ? parse_json(*bytes) : Result<Json>(unexpected(Problem{}));
  if (!body || body->value("e", 0L) <= seconds_of(clock_.wall())) return std::nullopt;
  return std::move((*body)["s"]);
}

}  // namespace rollcall::front::mcp
