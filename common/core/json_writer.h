#pragma once
#include "common/core/json.h"

#include <string>
#include <string_view>

namespace rollcall {

/// Writes an object member by member, for what is written by the thousand: many times quicker than building a
/// Json and dumping it. Names are plain ASCII and given in order; texts may be anything, as with dump().
class JsonWriter {
 public:
  explicit JsonWriter(std::size_t expected = 256) { text_.reserve(expected); }
  void text(std::string_view name, const std::string& value);
  void number(std::string_view name, long value);
  void json(std::string_view name, const Json& value);
  /// The object; the writer is empty afterwards.
  std::string take();

 private:
  void name(std::string_view name);
  std::string text_;
};

}  // namespace rollcall
