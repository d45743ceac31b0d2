#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall {

/// A UUID as 16 bytes: Entra object ids, run ids, organization ids. Sorts in the order of its text.
/// Making new ones needs randomness or a hash and lives in common/crypto/uuid.h.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Accepts 8-4-4-4-12 hexadecimal digits in either case, nothing else.
  static std::optional<Uuid> parse(std::string_view text);
  /// Lower case, 36 characters.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }

  auto operator<=>(const Uuid&) const = default;
};

}  // namespace rollcall

template <>
struct std::hash<rollcall::Uuid> {
  std::size_t operator()(const rollcall::Uuid& id) const noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    return static_cast<std::size_t>(high ^ (low * 0x9E3779B97F4A7C15ULL));
  }
};
