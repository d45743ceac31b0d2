#pragma once
#include "common/core/ids.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"

#include <optional>
#include <set>
#include <vector>

/// Events that were given to the outbox (runs::store_in_outbox) and are to come to stand in audit.events.
namespace rollcall::audit {

struct Expected {
  Uuid event_id;
  std::optional<Uuid> run_id;
};

/// Audit events that the outbox still holds.
std::set<Uuid> in_outbox(postgres::Transaction& transaction);

/// What is expected and neither stands nor lies in the outbox: on its way through Kafka, or lost. Of `only`,
/// where it is given.
std::vector<Expected> absent(postgres::Transaction& transaction,
                             const std::optional<std::vector<Uuid>>& only = std::nullopt);

/// Forgets what stands by now, of up to `most` entries from the one after `after` on. Answers the last entry
/// looked at; 0 where the end was reached.
long forget_written(postgres::Database& database, long after, long most);

}  // namespace rollcall::audit
