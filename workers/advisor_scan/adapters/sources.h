#pragma once
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"
#include "workers/advisor_scan/core/limits.h"
#include "workers/advisor_scan/core/snapshot.h"

/// Where a snapshot comes from, one function for each source. Each statement serves all organizations.
namespace rollcall::advisor_scan {

void read_linked(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_histories(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_approvals(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_queues(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_traffic(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_schedules(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_pauses(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_audit(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);
void read_grants(postgres::Transaction& transaction, const Limits& limits, Snapshot& snapshot);

/// Of every dead-letter topic that begins with `prefix`.
void read_dead_letters(postgres::Database& database, const kafka::Options& kafka, const std::string& prefix,
                       Snapshot& snapshot);

}  // namespace rollcall::advisor_scan
