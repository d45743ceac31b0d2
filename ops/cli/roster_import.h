#pragma once
#include "common/directory/roster_builder.h"
#include "ops/cli/csv.h"

#include <string_view>
#include <vector>

namespace rollcall::cli {

inline constexpr std::size_t roster_mistakes_max = 20;

struct RosterFile {
  directory::Roster roster;
  std::vector<csv::Mistake> mistakes;  ///< in the order of the file; with any, the roster means nothing
};

/// Reads and checks a roster file. Pure.
RosterFile read_roster(std::string_view text);

}  // namespace rollcall::cli
