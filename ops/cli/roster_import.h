#pragma once
#include "common/core/ids.h"
#include "common/postgres/postgres.h"
#include "ops/cli/csv.h"

#include <optional>
#include <string>
#include <vector>

namespace rollcall::cli {

inline constexpr std::size_t roster_mistakes_max = 20;

struct RosterMember {
  std::string email;  ///< lower case
  std::string display_name;
  std::string role;
  std::optional<Uuid> object_id;
  bool operator==(const RosterMember&) const = default;
};

struct Roster {
  std::vector<RosterMember> members;
  bool names_object_ids = false;       ///< the file has that column
  std::vector<csv::Mistake> mistakes;  ///< in the order of the file; with any, members means nothing
};

/// Reads and checks a roster file. Pure.
Roster read_roster(std::string_view text);

struct RosterChange {
  long added = 0, changed = 0, departed = 0, unchanged = 0, roster_version = 0;
  [[nodiscard]] bool any() const { return added + changed + departed > 0; }
};

/// Makes `roster` the whole roster of an organization, in the caller's transaction. People not named get
/// departed_at; returning ones count as added. The version rises only where something changed.
RosterChange replace_roster(postgres::Transaction& transaction, const Uuid& organization,
                            const Roster& roster);

}  // namespace rollcall::cli
