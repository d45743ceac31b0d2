#pragma once
#include <string>
#include <string_view>

namespace rollcall {

/// For URLs and form bodies: RFC 3986's unreserved characters stay, all else becomes %XX.
std::string percent_encode(std::string_view text);
/// "a%20b+c" → "a b+c"; with plus_is_space, "a b c". Malformed escapes stay as they are.
std::string percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace rollcall
