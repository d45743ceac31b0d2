#pragma once
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/runs/blocks.h"

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <string>

namespace rollcall::scheduler {

struct SchedulerOptions {
  std::string topic_prefix = "rollcall";
  std::string instance;                    ///< who leads, for people: ops.leases.holder
  std::chrono::milliseconds lease{3'000};  ///< a leader that dies is replaced after this
  std::chrono::milliseconds resend_after{60'000};
  /// A beat later than others may take a dead worker's runs over by themselves.
  std::chrono::milliseconds rescue_after = runs::stale_after + runs::heartbeat_every;
  std::chrono::milliseconds sweep_after{5'000};  ///< younger outbox rows are their writer's business
  std::chrono::hours keep_ticks{24};             ///< served ticks are forgotten after this

  /// How often a leader looks for what is to be rescued or sent again, and into the outbox.
  [[nodiscard]] std::chrono::milliseconds mind_every() const {
    return quarter(std::min(resend_after, rescue_after), std::chrono::milliseconds{5'000});
  }
  [[nodiscard]] std::chrono::milliseconds sweep_every() const {
    return quarter(sweep_after, std::chrono::milliseconds{1'000});
  }

 private:
  static std::chrono::milliseconds quarter(std::chrono::milliseconds time,
                                           std::chrono::milliseconds longest) {
    return std::clamp(time / 4, std::chrono::milliseconds{50}, longest);
  }
};

/// Stands for leadership until `stop`, and does the scheduler's duties while it leads. Any number may run on
/// one database. `clock` only stamps messages: what is due is decided by the database's now().
void run_scheduler(const SchedulerOptions& options, postgres::Database& database, kafka::Producer& producer,
                   const Clock& clock, metrics::Registry& metrics, std::stop_token stop);

}  // namespace rollcall::scheduler
