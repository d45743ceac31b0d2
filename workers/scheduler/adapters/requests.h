#pragma once
#include "workers/scheduler/adapters/tools.h"

#include <chrono>

namespace rollcall::scheduler {

/// Ticks that do not come from the clock: what operators ask for (trigger, backfill), and buffered due times
/// whose turn has come.
class Requests {
 public:
  explicit Requests(const Tools& tools);
  /// One look. Answers how long until the next is worth it.
  std::chrono::microseconds operator()();

 private:
  struct Look;
  /// Stores and publishes the ticks that `choose` finds.
  Look fire(void (Requests::*choose)(postgres::Transaction&, Look&) const) const;
  void serve(postgres::Transaction& transaction, Look& look) const;
  void release_buffered(postgres::Transaction& transaction, Look& look) const;

  const Tools& tools_;
};

}  // namespace rollcall::scheduler
