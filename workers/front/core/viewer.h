#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::front {

/// Who looks at jobs: an operator sees those of its tenant, a person those of the organizations it
/// administers, and everyone those it asked for itself.
struct Viewer {
  std::string tenant_id;
  std::string identity;        ///< "<tid>/<oid>", as ops.runs.caller_identity has it
  std::optional<Uuid> person;  ///< nothing for a program: it is on no roster
  bool operates = false;
  WallTime expires_at{};  ///< of its token

  bool operator==(const Viewer&) const = default;
};

/// Who may hear of a job.
struct Audience {
  std::string tenant_id;  ///< its operators; empty: those of any tenant
  std::string asked_by;
  std::vector<std::string> administrators;  ///< identities of the persons who administer its organization
};

inline bool may_hear(const Viewer& viewer, const Audience& audience) {
  if (viewer.operates && (audience.tenant_id.empty() || audience.tenant_id == viewer.tenant_id)) return true;
  if (viewer.identity == audience.asked_by) return true;
  return viewer.person &&
         std::ranges::find(audience.administrators, viewer.identity) != audience.administrators.end();
}

}  // namespace rollcall::front
