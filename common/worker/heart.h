#pragma once
#include "common/worker/health.h"
#include "common/worker/in_flight.h"
#include "common/worker/inbox.h"
#include "common/worker/presence.h"

#include <functional>

namespace rollcall::worker {

/// What a worker does beside its runs, a few times a second, on one thread: says that it lives, stores and
/// tells progress, hears of cancels, and minds whether its kind is paused.
class Heart {
 public:
  struct Parts {
    Claimant claimant;
    int lanes;
    postgres::Database& database;
    kafka::Producer& producer;
    InFlight& in_flight;
    Inbox& inbox;
    const Clock& clock;
    std::function<int()> busy;
    Health& health;
  };
  explicit Heart(Parts parts) : parts_(std::move(parts)) {}
  /// Until `stop`; then takes itself off ops.workers.
  void run(const std::stop_token& stop);

 private:
  [[nodiscard]] Presence presence() const;
  void beat();
  void mind_pause();
  void tell_running();

  Parts parts_;
  SteadyTime next_beat_{};
  std::optional<bool> paused_;
};

}  // namespace rollcall::worker
