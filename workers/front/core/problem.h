#pragma once
#include "common/core/json.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::front {

/// An answer that says what went wrong, as RFC 9457 has it. `code` is stable (common/core/reasons.h); the
/// cure is added from that table.
struct Refusal {
  int status = 500;
  std::string code = {};
  std::string detail = {};  ///< what happened, in a sentence for the caller; nothing about our insides
  struct Field {
    std::string pointer;  ///< JSON pointer into the body, or the name of a query or path parameter
    std::string detail;
  };
  std::vector<Field> errors = {};
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

/// "Not Found" for 404, as RFC 9110 names it.
std::string_view reason_phrase(int status);
/// The body of application/problem+json. `request_id` becomes the instance (urn:rollcall:request:…), by which
/// the log finds it.
Json problem_document(const Refusal& refusal, std::string_view request_id);

}  // namespace rollcall::front
