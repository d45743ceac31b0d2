#pragma once
#include "common/core/schedule.h"
#include "ops/cli/context.h"

#include <string>

/// What the schedule commands read from their arguments.
namespace rollcall::cli {

/// Throws Failure{usage, "setting_invalid"}, which names the option and says what it may hold.
[[noreturn]] void refuse_option(const std::string& message, const std::string& command);
/// "30s", "15m", "2h", "1d".
std::chrono::seconds parse_duration(const std::string& text, const std::string& option,
                                    const std::string& command);
std::string duration_word(std::chrono::seconds time);
WallTime parse_time(const std::string& text, const std::string& option, const std::string& command);

/// "cli:ada" where the environment says who types, else "cli".
std::string who(const Context& context);

}  // namespace rollcall::cli
