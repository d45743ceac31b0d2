#pragma once
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"
#include "workers/audit_writer/adapters/events_table.h"
#include "workers/audit_writer/audit_writer.h"

#include <string>

namespace rollcall::audit_writer {

/// What the trail needs beside events: partitions ahead, months beyond their time dropped, roots published,
/// expectations forgotten once they are met. The writer's own thread calls it.
class Maintenance {
 public:
  Maintenance(const AuditWriterOptions& options, postgres::Database& database, EventsTable& table,
              kafka::Producer& producer, const Clock& clock)
      : options_(options), database_(database), table_(table), producer_(producer), clock_(clock) {}

  /// Does what is due. Never throws: what fails is due again.
  void tick();
  /// Roots of what was just sealed. Not waited for: tick() finds those that did not arrive.
  void publish(const Written& written);

 private:
  void make_partitions();
  void drop_months();
  void publish_missing();
  void forget_written();
  template <class Work>
  void attempt(const char* what, Work work);

  const AuditWriterOptions& options_;
  postgres::Database& database_;
  EventsTable& table_;
  kafka::Producer& producer_;
  const Clock& clock_;
  std::string trail_;
  SteadyTime months_due_{}, expected_due_{};
  long forgotten_up_to_ = 0;
  bool failing_ = false;
};

}  // namespace rollcall::audit_writer
