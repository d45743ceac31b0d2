#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::audit {

/// Bytes to hash: two different sequences of values never give the same. migrations/0014_audit.sql does the
/// same in audit.field().
class Encoding {
 public:
  explicit Encoding(std::size_t expected) { bytes_.reserve(expected); }
  /// 1, the length (four bytes, the highest first), the bytes; 0 alone where there is none.
  Encoding& text(const std::optional<std::string>& value) {
    if (value) return text(std::string_view(*value));
    bytes_ += '\0';
    return *this;
  }
  Encoding& text(std::string_view value) {
    bytes_ += '\1';
    big_endian(value.size(), 4);
    bytes_ += value;
    return *this;
  }
  Encoding& text(const std::string& value) { return text(std::string_view(value)); }
  Encoding& text(const char* value) { return text(std::string_view(value)); }
  /// Eight bytes.
  Encoding& number(std::int64_t value) {
    big_endian(static_cast<std::uint64_t>(value), 8);
    return *this;
  }
  Encoding& month(std::uint16_t value) {
    big_endian(value, 2);
    return *this;
  }
  /// Of a length that is always the same.
  Encoding& raw(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void big_endian(std::uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
      bytes_ += static_cast<char>((value >> shift) & 0xFF);
  }
  std::string bytes_;
};

}  // namespace rollcall::audit
