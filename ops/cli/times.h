#pragma once
#include "common/core/clock.h"
#include "ops/cli/output.h"

#include <string>

namespace rollcall::cli {

/// Parses or throws Failure{usage} that names the option.
inline WallTime require_time(const std::string& text, const std::string& option) {
  if (const auto time = parse_rfc3339(text)) return *time;
  throw Failure(usage, "usage", option + " '" + printable(text) + "' is not a time in UTC",
                "Give a time such as 2026-11-21T09:30:00Z.");
}

}  // namespace rollcall::cli
