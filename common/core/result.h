#pragma once
#include <string>

#include <tl/expected.hpp>

namespace rollcall {

/// Why a pure decision could not be taken: a stable reason code (common/core/reasons.h) and a sentence for a
/// person.
struct Problem {
  std::string code;
  std::string message;
  bool operator==(const Problem&) const = default;
};

/// The one place that names the library: std::expected when the compiler moves to C++23.
template <class T>
using Result = tl::expected<T, Problem>;
using tl::unexpected;

}  // namespace rollcall
