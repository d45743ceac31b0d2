#pragma once
#include "ops/sandbox/graph/state.h"

#include <string>
#include <string_view>

namespace rollcall::sandbox_graph {

/// A form body or query string, decoded.
using Form = std::vector<std::pair<std::string, std::string>>;
/// Empty where absent.
std::string field(const Form& form, std::string_view name);
/// Throws Refusal where it is absent.
std::string required(const Form& form, const char* name);

/// How the client proved who it is: "1" by secret, "2" by certificate. Throws Refusal.
std::string check_proof(State& state, const Form& form, const std::string& token_endpoint, WallTime now);

}  // namespace rollcall::sandbox_graph
