#pragma once
#include "common/audit/chain.h"
#include "common/core/clock.h"
#include "common/core/error.h"
#include "common/postgres/postgres.h"
#include "workers/audit_writer/adapters/batch.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace rollcall::audit_writer {

struct Written {
  std::size_t events = 0, duplicates = 0;
  std::vector<std::pair<audit::Chain, audit::Seal>> seals;  ///< without their manifests
};

/// audit.events with its seals. One thread uses it.
class EventsTable {
 public:
  explicit EventsTable(postgres::Database& database) : database_(database) {}
  /// Writes what is not there yet and seals it, in one transaction: all of it stands, or nothing.
  Written write(const Slices& slices, WallTime now);
  /// Makes the month's partition where it is not there.
  void ensure_month(const std::string& month);

 private:
  void ensure_partitions(const Slices& slices);
  postgres::Database& database_;
  std::set<std::string> months_;  // known to have their partition
};

}  // namespace rollcall::audit_writer
