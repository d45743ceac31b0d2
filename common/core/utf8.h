#pragma once
#include <string_view>

namespace rollcall {

/// Whether the bytes are well-formed UTF-8 (RFC 3629), as PostgreSQL and JSON want text: nothing overlong, no
/// surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace rollcall
