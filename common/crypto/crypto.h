#pragma once
#include "common/core/ids.h"

#include <optional>
#include <string>
#include <string_view>

namespace rollcall::crypto {

/// Random UUID, version 7 (RFC 9562): sorts by time of making.
Uuid new_uuid();
/// UUID version 5 (RFC 9562) of the parts joined by a newline, in Rollcall's own namespace: the same parts
/// give the same id, everywhere, for ever.
Uuid derived_uuid(std::initializer_list<std::string_view> parts);
/// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view bytes);
/// SHA-256 as 32 bytes.
std::string sha256(std::string_view bytes);
/// Whether both are the same, in a time that tells nothing of where they differ.
bool equal_secrets(std::string_view a, std::string_view b);
std::string base64url(std::string_view bytes);
/// Strict (RFC 7515): nothing where a character is not of the alphabet, where there is padding, or where bits
/// that mean nothing are set. So each sequence of bytes has one text only.
std::optional<std::string> base64url_decode(std::string_view text);
/// A double in [0, 1), for jitter.
double random_unit();
/// Random bytes as lower-case hex, for trace and span ids.
std::string random_hex(std::size_t bytes);
/// Client assertion for the token endpoint (certificate-credentials): JWT, PS256, x5t#S256. `pem` holds
/// certificate and RSA private key. Throws Error{config, "setting_invalid"} where it does not.
std::string client_assertion(std::string_view pem, std::string_view client_id,
                             std::string_view token_endpoint, long now_seconds);

}  // namespace rollcall::crypto
