#pragma once
#include <string>
#include <string_view>

namespace rollcall {

/// A to Z become small; every other byte stays, so UTF-8 does too.
inline std::string lower(std::string_view given) {
  std::string text(given);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace rollcall
