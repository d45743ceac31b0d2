#pragma once
#include "workers/advisor_scan/core/rules.h"

#include <string>
#include <vector>

namespace rollcall::advisor_scan {

/// A finding of ours that is not resolved, as the database has it.
struct Standing {
  std::string rule;
  std::optional<Uuid> organization;
  std::string subject, severity;
  Json evidence;
  bool dismissed = false;  ///< and the time of that is not over
  bool newer = false;      ///< a person or another scan touched, or resolved, it after the snapshot was taken
};

struct Raised {
  const Rule* rule;
  Found found;
  bool opened;  ///< it did not stand before
  [[nodiscard]] const char* severity() const { return found.severity ? found.severity : rule->severity; }
};

struct Reconciliation {
  std::vector<Raised> raise;      ///< to be opened, or told anew
  std::vector<Standing> resolve;  ///< their cause is gone
  long unchanged = 0, dismissed = 0, newer = 0;
};

/// What the rules find in the snapshot, against what stands within its scope. What was dismissed is left
/// alone until the time of that is over, and so is what was touched since; of a rule that could not be
/// judged, nothing is resolved. A rule that there is no longer is resolved.
Reconciliation reconcile(const Snapshot& snapshot, const Limits& limits,
                         const std::vector<Standing>& standing);

}  // namespace rollcall::advisor_scan
