#pragma once
#include "common/runs/audit.h"

namespace rollcall::runs {

/// As store_audit(), under an id that says something itself: derived from what the event tells.
Stored store_audit_as(postgres::Transaction& transaction, const Uuid& event_id, const AuditEntry& entry,
                      WallTime now);

}  // namespace rollcall::runs
