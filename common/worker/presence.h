#pragma once
#include "common/postgres/postgres.h"

#include <functional>
#include <string>
#include <thread>

namespace rollcall::worker {

/// What a living process says of itself in ops.workers.
struct Presence {
  std::string worker, instance;
  int lanes = 0;       ///< how much it does at once
  int busy = 0;        ///< of those, at work now
  long in_flight = 0;  ///< claimed, at work or waiting for it
};

/// Renews the row; the database's clock says when.
void show_presence(postgres::Database& database, const Presence& presence);
/// Takes the row away: the process ends in order.
void end_presence(postgres::Database& database, const Presence& presence);

/// A process among the living for as long as this object stands, for those that run no worker loop. What
/// fails is logged and tried again.
class Heartbeat {
 public:
  Heartbeat(postgres::Database& database, std::function<Presence()> look);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  void run(const std::stop_token& stop);
  postgres::Database& database_;
  std::function<Presence()> look_;
  std::jthread thread_;
};

}  // namespace rollcall::worker
