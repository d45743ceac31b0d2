#pragma once
#include "ops/cli/context.h"

/// Runs and plans in words.
namespace rollcall::cli {

/// Why a run ended as it did, with the code's cure.
Json error_json(const std::string& code, const std::string& message);

/// "added 3, removed 0, …", who could not be resolved and what could not be written, each with what to do
/// about it.
void print_result(Output& output, const Json& result);

/// A plan, one line a change with the address where one is known. At most `most` lines, then where the rest
/// is.
void print_plan(Context& context, const Uuid& organization, const Json& document, std::size_t most,
                const std::string& rest);

}  // namespace rollcall::cli
