#pragma once
#include "common/core/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"

#include <chrono>
#include <string>

namespace rollcall::scheduler {

/// `topic` with the leading "rollcall" replaced: tests on one broker keep apart by it.
std::string with_prefix(const std::string& topic, const std::string& prefix);

/// Fires what is due. Due by the database's clock alone: two schedulers on machines whose clocks differ
/// agree.
class Ticks {
 public:
  Ticks(std::string topic_prefix, postgres::Database& database, runs::OutboxPublisher& publisher,
        const Clock& clock, metrics::Registry& metrics);
  /// One look. Answers how long until the next is worth it.
  std::chrono::milliseconds operator()();

 private:
  struct Look;
  Look look(postgres::Transaction& transaction) const;

  std::string topic_prefix_;
  postgres::Database& database_;
  runs::OutboxPublisher& publisher_;
  const Clock& clock_;
  metrics::Counter& ticks_;
  metrics::Histogram& lateness_;
};

}  // namespace rollcall::scheduler
