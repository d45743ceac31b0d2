#pragma once
#include "common/metrics/metrics.h"
#include "common/worker/deliveries.h"
#include "common/worker/in_flight.h"
#include "common/worker/inbox.h"

#include <condition_variable>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

namespace rollcall::worker {

/// Settles finished runs in blocks on a thread of its own: what finishes while one transaction runs is the
/// next block, so a lone run waits for nobody and a flood is moved hundreds at a time.
class Settler {
 public:
  struct Parts {
    std::string worker;
    postgres::Database& database;
    runs::OutboxPublisher& outbox;
    Deliveries& deliveries;
    InFlight& in_flight;
    Inbox& inbox;
    const Clock& clock;
    metrics::Registry& metrics;
  };
  explicit Settler(Parts parts);
  ~Settler();
  void add(Finished finished);
  /// No more will come: settles the rest; false where that took longer than `deadline` and was given up.
  bool finish(SteadyTime deadline);

 private:
  void work();
  void settle(std::span<Finished> block);
  void conclude(std::span<const Finished> block, Settled settled);
  void drop(std::span<const Finished> block);

  Parts parts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Finished> queue_;
  bool closing_ = false;
  bool ended_ = false;
  std::stop_source given_up_;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace rollcall::worker
