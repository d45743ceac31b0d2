#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::front::mcp {

/// State that a client keeps for us: readable, not changeable, good for one principal and purpose until it
/// expires. So a front remembers nothing, and any front with the same key knows what another one gave out.
/// Safe from any thread.
class Seal {
 public:
  /// `key`: the same for every front; empty: one of this process's own.
  Seal(std::string key, const Clock& clock);
  /// Letters, digits, '-', '_' and '.'.
  [[nodiscard]] std::string seal(std::string_view purpose, std::string_view principal, const Json& state,
                                 std::chrono::seconds lasts) const;
  [[nodiscard]] std::optional<Json> open(std::string_view purpose, std::string_view principal,
                                         std::string_view sealed) const;

 private:
  [[nodiscard]] std::string code_for(std::string_view purpose, std::string_view principal,
                                     std::string_view text) const;
  const std::string key_;
  const Clock& clock_;
};

}  // namespace rollcall::front::mcp
