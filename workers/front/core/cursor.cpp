#include "workers/front/core/cursor.h"

#include <cstdint>

namespace rollcall::front {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t mark_length = 8;

/// FNV-1a: tells lists apart by accident, which is all it is for.
std::string mark_of(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::string mark;
  for (int shift = 28; shift >= 0; shift -= 4)
    mark += digits[(hash >> static_cast<unsigned>(shift)) & 15U];
  return mark;
}

}  // namespace

std::string write_cursor(std::string_view list_and_filter, std::string_view position) {
  std::string cursor = mark_of(list_and_filter);
  for (const char c : position) {
    cursor += digits[static_cast<unsigned char>(c) >> 4U];
    cursor += digits[static_cast<unsigned char>(c) & 15U];
  }
  return cursor;
}

Result<std::string> read_cursor(std::string_view list_and_filter, std::string_view cursor) {
  const Problem invalid{"cursor_invalid", "The cursor is not one that this list gave for this filter."};
  if (cursor.size() <= mark_length || cursor.size() % 2 != 0 ||
      cursor.substr(0, mark_length) != mark_of(list_and_filter))
    return unexpected(invalid);
  std::string position;
  for (std::size_t i = mark_length; i < cursor.size(); i += 2) {
    const auto high = digits.find(cursor[i]), low = digits.find(cursor[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return unexpected(invalid);
    position += static_cast<char>(high * 16 + low);
  }
  return position;
}

}  // namespace rollcall::front
