#pragma once
#include "common/http_server/event_stream.h"
#include "common/postgres/postgres.h"
#include "workers/front/adapters/pool.h"
#include "workers/front/adapters/pulse.h"
#include "workers/front/core/viewer.h"

#include <memory>
#include <string>
#include <vector>

namespace rollcall::front {

/// Readers of one job each. News only says that there is something to see: what is sent is what PostgreSQL
/// has, so nothing is sent twice, missing or out of order, whichever front a reader comes to. Safe from any
/// thread; never blocks.
class JobStreams {
 public:
  struct Subscription {
    Uuid job;
    Viewer viewer;
    long after = 0;    ///< the seq of the last event the reader has
    std::string root;  ///< of absolute links
  };

  JobStreams(postgres::Database& database, Pool& pool, Pulse& pulse);
  /// Sends the events after that one, with their seq as id, and the job whenever it has changed; ends the
  /// stream behind a final state, or where the reader may see the job no longer.
  void follow(Subscription subscription, http_server::EventStream stream);
  /// Someone follows these perhaps: look.
  void changed(const std::vector<Uuid>& jobs);

 private:
  struct State;
  std::shared_ptr<State> state_;
  Pulse& pulse_;
};

}  // namespace rollcall::front
