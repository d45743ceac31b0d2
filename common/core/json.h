#pragma once
#include "common/core/result.h"

#include <string_view>

#include <nlohmann/json.hpp>

namespace rollcall {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes_max = std::size_t{8} * 1024 * 1024;
  int depth_max = 64;
  /// Refuse an object that names a member twice. Parsers disagree on which one counts, so that whoever checks
  /// and whoever acts may read different things.
  bool unique_members = false;
};

/// Parses text from outside. Depth and size are checked first, so hostile input costs no more than its own
/// length. Problems: `json_too_large`, `json_too_deep`, `json_malformed` (with the byte position),
/// `json_member_twice` (names it).
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

/// One line, never throwing: bytes that are not UTF-8 become U+FFFD.
std::string dump(const Json& value);

/// A string member of an object; empty where there is none, or it is something else.
std::string text_member(const Json& value, const char* name);

}  // namespace rollcall
