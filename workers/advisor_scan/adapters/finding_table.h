#pragma once
#include "common/postgres/postgres.h"
#include "common/worker/handler.h"
#include "workers/advisor_scan/core/reconcile.h"

#include <vector>

/// Findings of our rules, as the database has them. All within one transaction.
namespace rollcall::advisor_scan {

/// Until the transaction ends, no other scan of the tenant reconciles.
void lock_findings(postgres::Transaction& transaction, const Snapshot& snapshot);

/// What stands within the snapshot's scope, and what was resolved since it was taken.
std::vector<Standing> read_standing(postgres::Transaction& transaction, const Snapshot& snapshot);

/// Opens, tells anew and resolves, with an audit event for each that opened or was resolved.
void store(postgres::Transaction& transaction, const Snapshot& snapshot, const Reconciliation& result,
           const worker::Run& run, WallTime now);

}  // namespace rollcall::advisor_scan
