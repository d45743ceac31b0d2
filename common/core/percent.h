#pragma once
#include <string>
#include <string_view>

namespace rollcall {

/// For URLs and form bodies: RFC 3986's unreserved characters stay, all else becomes %XX.
std::string percent_encode(std::string_view text);

}  // namespace rollcall
