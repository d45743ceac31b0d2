#pragma once
#include "common/group_health/store.h"

/// The findings about linked groups. One of each rule for an organization.
namespace rollcall::group_health {

/// A row as it was before it was stored anew.
struct Before {
  Uuid group;
  State state = State::unreachable;
  std::string reason;
};

/// Opens what `now` asks for, and closes what no longer holds. `before`: nothing for a group that was never
/// looked at.
struct Change {
  Uuid organization;
  std::string tenant;
  std::optional<Before> before;
  Uuid group;
  const Verdict* now = nullptr;
};
void tell(postgres::Transaction& transaction, const std::vector<Change>& changes);

}  // namespace rollcall::group_health
