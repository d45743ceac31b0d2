#pragma once
#include "common/runs/audit.h"

#include <vector>

namespace rollcall::runs {

/// As store_audit(), under an id that says something itself: derived from what the event tells.
Stored store_audit_as(postgres::Transaction& transaction, const Uuid& event_id, const AuditEntry& entry,
                      WallTime now);

/// Many of them at once, each as store_audit() stores one.
Stored store_audit_all(postgres::Transaction& transaction, const std::vector<AuditEntry>& entries,
                       WallTime now);

}  // namespace rollcall::runs
