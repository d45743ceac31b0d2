#pragma once
#include "common/core/json.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::schema {

/// One place in a document that is not as its schema says.
struct Mistake {
  std::string pointer;  ///< JSON pointer (RFC 6901); empty: the document itself
  std::string what;
  bool operator==(const Mistake&) const = default;
};

/// Schemas (draft 7) by name. Immutable: safe from any thread.
class Validator {
 public:
  /// The message schemas of schemas/messages, compiled into the program.
  Validator();
  /// Each document stands by itself: its "$ref"s point into it. Throws Error{config, "internal"} for one that
  /// is no schema.
  explicit Validator(const std::map<std::string, Json>& schemas);
  ~Validator();
  [[nodiscard]] bool knows(std::string_view type) const;
  /// Nothing where `value` is a valid message of that type ("rollcall.tick.v1"); else Problem
  /// `schema_violation` naming the field (JSON pointer) and what is wrong, or `unknown_message_type`.
  [[nodiscard]] std::optional<Problem> check(std::string_view type, const Json& value) const;
  /// Everything that is wrong, at most 20, the deepest first; empty where `value` is as the schema says. The
  /// name must be known.
  [[nodiscard]] std::vector<Mistake> mistakes(std::string_view name, const Json& value) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::schema
