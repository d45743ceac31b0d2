#pragma once
#include <string>
#include <string_view>

namespace rollcall::crypto {

/// HMAC-SHA-256 (RFC 2104) as 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// 32 random bytes that are good for a key.
std::string new_key();

}  // namespace rollcall::crypto
