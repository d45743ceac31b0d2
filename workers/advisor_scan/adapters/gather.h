#pragma once
#include "common/postgres/postgres.h"
#include "workers/advisor_scan/adapters/sources.h"
#include "workers/advisor_scan/core/snapshot.h"

#include <functional>
#include <stop_token>
#include <vector>

namespace rollcall::advisor_scan {

/// How one source is read.
struct Reading {
  Source source;
  bool tenant;  ///< only for rules about the tenant as a whole: left out in a scan of one organization
  std::function<void(Snapshot&, const std::stop_token&)> read;
};

/// All that PostgreSQL tells, each in a transaction of its own: what one refuses does not keep the others
/// from being read.
std::vector<Reading> database_readings(postgres::Database& database, const Limits& limits);

/// The state as it is now; nothing where a stop is asked for. A source that cannot be read is named in
/// Snapshot::unread. Throws Error{transient} where PostgreSQL is away.
std::optional<Snapshot> gather(postgres::Database& database, const std::vector<Reading>& readings,
                               Snapshot scope, const std::stop_token& stop);

}  // namespace rollcall::advisor_scan
