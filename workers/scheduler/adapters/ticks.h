#pragma once
#include "workers/scheduler/adapters/tools.h"

#include <chrono>

namespace rollcall::scheduler {

/// Fires what is due by the clock: the database's clock alone, so schedulers on machines whose clocks differ
/// agree.
class Ticks {
 public:
  explicit Ticks(const Tools& tools);
  /// One look, at most a block of schedules. Answers how long until the next is worth it.
  std::chrono::microseconds operator()();

 private:
  struct Look;
  Look look(postgres::Transaction& transaction) const;
  void report(const Look& look);

  const Tools& tools_;
  metrics::Counter& ticks_;
  metrics::Counter& missed_;
  metrics::Counter& skipped_;
  metrics::Histogram& lateness_;
};

}  // namespace rollcall::scheduler
