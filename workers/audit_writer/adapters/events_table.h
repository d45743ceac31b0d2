#pragma once
#include "common/core/error.h"
#include "common/postgres/postgres.h"
#include "workers/audit_writer/core/event.h"

#include <set>
#include <string>
#include <vector>

namespace rollcall::audit_writer {

/// audit.events. One thread uses it.
class EventsTable {
 public:
  explicit EventsTable(postgres::Database& database) : database_(database) {}
  /// Writes what is not there yet, in one statement; answers how many that were.
  long write(const std::vector<Event>& events);

 private:
  void ensure_partitions(const std::vector<Event>& events);
  postgres::Database& database_;
  std::set<std::string> months_;  // known to have their partition
};

}  // namespace rollcall::audit_writer
