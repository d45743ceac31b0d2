#pragma once
#include "common/core/json.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::schema {

/// The message schemas of schemas/messages, compiled into the program. Immutable: safe from any thread.
class Validator {
 public:
  Validator();
  ~Validator();
  [[nodiscard]] bool knows(std::string_view type) const;
  /// Nothing where `value` is a valid message of that type ("rollcall.tick.v1"); else Problem
  /// `schema_violation` naming the field (JSON pointer) and what is wrong, or `unknown_message_type`.
  [[nodiscard]] std::optional<Problem> check(std::string_view type, const Json& value) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::schema
