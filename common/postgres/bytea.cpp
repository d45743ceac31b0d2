#include "common/postgres/bytea.h"

#include "common/core/error.h"
#include "common/core/hex.h"

namespace rollcall::postgres {

Value bytea(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string bytes_of(const Row& row, std::size_t column) {
  if (row.is_null(column)) return {};
  const std::string text = row.text(column);
  std::string bytes;
  bool good = text.starts_with("\\x") && text.size() % 2 == 0;
  bytes.reserve(text.size() / 2);
  for (std::size_t at = 2; good && at < text.size(); at += 2) {
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    good = high >= 0 && low >= 0;
    bytes += static_cast<char>(high * 16 + low);
  }
  if (!good)
    throw Error(Fault::invalid, "database_refused",
                "the database returned '" + text.substr(0, 60) + "' where bytea in hex was expected");
  return bytes;
}

}  // namespace rollcall::postgres
