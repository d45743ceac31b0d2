#pragma once
#include "common/core/clock.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"

#include <thread>
#include <vector>

namespace rollcall::front {

/// Puts on record, now and then and on a thread of its own, what fronts that died left without an outcome.
class Settler {
 public:
  /// In a transaction of its own; what it stored is published.
  using Sweep = std::vector<runs::Stored> (*)(postgres::Transaction&, WallTime now);
  Settler(postgres::Database& database, runs::OutboxPublisher& outbox, const Clock& clock,
          std::vector<Sweep> sweeps);

 private:
  std::jthread thread_;
};

}  // namespace rollcall::front
