#include "common/core/json.h"

namespace rollcall {
namespace {

bool deeper_than(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes_max)
    return unexpected(Problem{"json_too_large", "the JSON text is " + std::to_string(text.size()) +
                                                    " bytes long, more than " +
                                                    std::to_string(limits.bytes_max)});
  if (deeper_than(text, limits.depth_max))
    return unexpected(
        Problem{"json_too_deep", "the JSON text nests deeper than " + std::to_string(limits.depth_max)});
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    return unexpected(Problem{"json_malformed", error.what()});
  }
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rollcall
