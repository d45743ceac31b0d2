#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"

#include <optional>
#include <string>

/// What may be taken out of the trail, and leaves its own event there.
namespace rollcall::audit {

/// Ids that bind the event to what it tells: who holds the event holds the month, or the count.
Uuid dropped_event_id(const std::string& month);  ///< "2026-01-01"
Uuid erasure_event_id(const Uuid& erasure, long parts);

struct Erased {
  Uuid erasure_id;
  long parts = 0;
  runs::Stored stored;
};
/// Erases a person, by object id, from every event: as actor and as subject. Nothing is stored where there
/// was nothing to erase.
Erased erase_person(postgres::Transaction& transaction, const Uuid& person, const std::string& reason,
                    const runs::Asker& asker);

struct DroppedMonth {
  std::string month;  ///< "2026-01-01"
  long events = 0;
  runs::Stored stored;
};
/// Drops the oldest month that lies wholly before the `keep` months up to now; nothing where there is none.
std::optional<DroppedMonth> drop_oldest_month(postgres::Transaction& transaction, long keep,
                                              const runs::Asker& asker);

}  // namespace rollcall::audit
