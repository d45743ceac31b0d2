#include "common/core/json_writer.h"

#include <algorithm>
#include <utility>

namespace rollcall {

void JsonWriter::name(std::string_view name) {
  text_.append(text_.empty() ? "{\"" : ",\"").append(name).append("\":");
}

void JsonWriter::text(std::string_view name_of, const std::string& value) {
  name(name_of);
  if (!std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7F; })) {
    text_ += dump(value);
    return;
  }
  text_ += '"';
  for (std::size_t from = 0; from < value.size();) {
    const std::size_t special = std::min(value.find_first_of("\"\\", from), value.size());
    text_.append(value, from, special - from);
    if (special < value.size()) (text_ += '\\') += value[special];
    from = special + 1;
  }
  text_ += '"';
}

void JsonWriter::number(std::string_view name_of, long value) {
  name(name_of);
  text_ += std::to_string(value);
}

void JsonWriter::json(std::string_view name_of, const Json& value) {
  name(name_of);
  text_ += dump(value);
}

std::string JsonWriter::take() {
  if (text_.empty()) text_ += '{';
  text_ += '}';
  return std::exchange(text_, {});
}

}  // namespace rollcall
