#pragma once
#include "common/worker/settlement.h"
#include "tests/simulation/database.h"
#include "tests/simulation/graph_service.h"
#include "workers/scheduler/scheduler.h"

#include <set>

namespace rollcall::simulation {

/// What one seed chooses before it begins.
struct Settings {
  int workers = 2, schedulers = 2, partitions = 3, lanes = 3, organizations = 5;
  std::size_t claim_max = 10, open_max = 40;
  int roster_max = 45;
  graph::GovernorLimits limits;
  milliseconds patience{2'000};
  worker::RetryPolicy policy;
  scheduler::SchedulerOptions scheduler;
};

/// What everything in a simulated world shares.
struct Services {
  Timeline timeline;
  Random random;
  Settings settings;
  Broker broker;
  Database database;
  GraphService graph;
  std::vector<std::pair<HostPtr, const graph::Governor*>> governors;  // of all lives

  Services(std::uint64_t seed, bool traced, Settings (*choose)(Random&))
      : timeline(traced),
        random(seed),
        settings(choose(random)),
        broker(timeline, random),
        database(timeline, random),
        graph(timeline, random, settings.limits) {}
};

}  // namespace rollcall::simulation
