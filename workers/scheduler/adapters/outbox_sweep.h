#pragma once
#include "workers/scheduler/adapters/tools.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace rollcall::scheduler {

/// Publishes outbox rows in the place of writers that died between commit and publishing. A row is taken up
/// once it has been visible for sweep_after: counted from its commit, not from its transaction's start, so
/// neither can a slow transaction's row be passed over nor is one snatched from the writer about to publish
/// it. Used by one thread.
class OutboxSweep {
 public:
  static constexpr long batch_max = 1'000;

  explicit OutboxSweep(const Tools& tools);
  /// Publishes a block, waits for Kafka's answers (not for ever) and deletes what was delivered; answers how
  /// many rows were. No transaction is open while it waits.
  long operator()(const std::stop_token& stop);

 private:
  /// Messages handed to the producer; shared, because an answer may come after the sweep is gone.
  struct Flight;
  struct Snapshot {
    std::string text;
    SteadyTime taken;
  };

  bool age_snapshots();
  void publish(const postgres::Rows& rows);
  long delete_delivered();

  const Tools& tools_;
  std::shared_ptr<Flight> flight_;
  std::optional<Snapshot> young_;
  std::string old_;  ///< at least sweep_after ago; empty: none yet
};

}  // namespace rollcall::scheduler
