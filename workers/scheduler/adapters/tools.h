#pragma once
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/runs/runs.h"
#include "workers/scheduler/adapters/lease.h"
#include "workers/scheduler/scheduler.h"

namespace rollcall::scheduler {

/// What every duty of a leader works with; lives as long as its term.
struct Tools {
  const SchedulerOptions& options;
  Term& term;
  kafka::Producer& producer;
  runs::OutboxPublisher& publisher;
  const Clock& clock;  ///< only stamps messages
  metrics::Registry& metrics;
};

}  // namespace rollcall::scheduler
