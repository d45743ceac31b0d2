#pragma once
#include "workers/group_health/checks.h"

namespace rollcall::group_health {

/// Links an organization to the group it had before, which is restored first where it was deleted. The parts
/// outlive it. Safe from several lanes.
class Relinking {
 public:
  Relinking(postgres::Database& database, graph::Client& client, const Clock& clock, const Checks& checks,
            CheckOptions options);
  /// Done, or Failed: no_group_to_relink, group_gone, group_linked_elsewhere, graph_not_permitted, or why the
  /// group cannot be synced.
  worker::Outcome relink(Job& job, const directory::Organization& organization);

 private:
  struct Restored {
    bool done = false;
    std::string request_id;
  };
  Restored restore_group(Job& job, const Uuid& group);
  worker::Outcome link(Job& job, const directory::Organization& organization, const Uuid& group,
                       const Restored& restored, const std::optional<Verdict>& seen);

  postgres::Database& database_;
  graph::Client& client_;
  const Clock& clock_;
  const Checks& checks_;
  CheckOptions options_;
};

}  // namespace rollcall::group_health
