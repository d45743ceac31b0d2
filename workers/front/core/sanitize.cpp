#include "workers/front/core/sanitize.h"

#include "common/core/clock.h"
#include "common/core/ids.h"

#include <algorithm>

namespace rollcall::front {
namespace {

const Json& member(const Json& schema, const char* name) {
  static const Json none;
  const auto found = schema.is_object() ? schema.find(name) : schema.end();
  return found == schema.end() ? none : *found;
}

bool confined(const Json& text, const Json& schema) {
  const Json& listed = member(schema, "enum");
  if (listed.is_array()) return std::ranges::find(listed, text) != listed.end();
  if (schema.is_object() && schema.contains("const")) return schema["const"] == text;
  const Json& format = member(schema, "format");
  const auto& value = text.get_ref<const std::string&>();
  if (format == "uuid") return Uuid::parse(value).has_value();
  return format == "date-time" && parse_rfc3339(value).has_value();
}

/// `depth`: how much further to look; a call from outside may be as deep as the reader of JSON allows.
Json sanitized(const Json& value, const Json& schema, int depth) {
  if (value.is_string()) return confined(value, schema) ? value : Json("(text)");
  if (!value.is_structured()) return value;
  if (depth == 0) return "(deep)";
  if (value.is_array()) {
    Json list = Json::array();
    for (const auto& one : value)
      list.push_back(sanitized(one, member(schema, "items"), depth - 1));
    return list;
  }
  Json object = Json::object();
  std::size_t others = 0;
  const Json& properties = member(schema, "properties");
  for (const auto& [name, its_value] : value.items()) {
    if (properties.is_object() && properties.contains(name))
      object[name] = sanitized(its_value, properties[name], depth - 1);
    else
      ++others;
  }
  if (others > 0) object["(others)"] = others;
  return object;
}

}  // namespace

Json sanitized(const Json& parameters, const Json& schema) {
  return sanitized(parameters, schema, 16);
}

}  // namespace rollcall::front
