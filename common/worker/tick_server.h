#pragma once
#include "common/runs/runs.h"
#include "common/schema/validator.h"
#include "common/worker/feed.h"
#include "common/worker/handler.h"
#include "common/worker/health.h"

#include <stop_token>
#include <string>

namespace rollcall::worker {

/// Turns ticks into stored runs, and tells the scheduler that it did. Safe from any thread.
class TickServer {
 public:
  struct Parts {
    std::string worker;
    std::string topic;  ///< where the commands go: the ticks topic, as bulk work
    std::string group;
    postgres::Database& database;
    const schema::Validator& schemas;
    Handler& handler;
    const Clock& clock;
    runs::OutboxPublisher& outbox;
    Graveyard& graveyard;
    Health& health;
  };
  explicit TickServer(Parts parts) : parts_(std::move(parts)) {}

  /// Finishes the tick's ticket, or leaves it where `stop` came first: then the tick comes again.
  void serve(const Tick& tick, const std::stop_token& stop);

 private:
  void try_once(const Tick& tick, const std::stop_token& stop);
  void queue_commands(const std::vector<Json>& commands, const std::optional<Uuid>& tick);
  void mark_served(const Json& tick);
  void bury(const Tick& tick, const Problem& problem);

  Parts parts_;
};

}  // namespace rollcall::worker
