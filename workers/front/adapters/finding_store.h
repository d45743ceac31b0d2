#pragma once
#include "common/core/clock.h"
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"
#include "workers/front/adapters/page.h"
#include "workers/front/adapters/sight.h"

#include <optional>
#include <string>

namespace rollcall::front {

struct FindingFilter {
  std::optional<Uuid> organization;
  std::string state, pillar, severity, rule;  ///< empty: any
};

/// Newest first; its position is the time it was opened and its id. Of findings without an organization,
/// operators alone see anything.
Page list_findings(postgres::Database& database, const Sight& sight, const FindingFilter& filter,
                   const Position& position, long limit);

/// What someone decided about a finding.
struct FindingDecision {
  std::string state;  ///< acknowledged or dismissed
  std::string why;
  std::optional<WallTime> until;  ///< then it counts as open again
};
struct FindingDecided {
  Json finding;                      ///< as it is now
  std::vector<runs::Stored> stored;  ///< none where it was decided so already
};
/// Throws Error{not_found, "finding_not_found"} where there is none that the caller may see, and
/// Error{conflict, "finding_resolved"} where there is nothing left to decide.
FindingDecided decide_finding(postgres::Transaction& transaction, const Sight& sight, const Uuid& id,
                              const FindingDecision& decision, const runs::Asker& asker);

}  // namespace rollcall::front
