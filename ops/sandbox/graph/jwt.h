#pragma once
#include "common/core/json.h"
#include "ops/sandbox/graph/keys.h"

#include <optional>
#include <string>

namespace rollcall::sandbox_graph {

/// A compact JWS (RFC 7515) taken apart; nothing in it is verified.
struct Jwt {
  Json header, claims;
  std::string signed_part;
  std::string signature;  ///< bytes
};
std::optional<Jwt> parse_jwt(const std::string& text);
std::string sign_jwt(const SigningKey& key, const Json& claims);

}  // namespace rollcall::sandbox_graph
