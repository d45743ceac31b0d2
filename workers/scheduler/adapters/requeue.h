#pragma once
#include "common/core/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"

#include <chrono>
#include <string>

namespace rollcall::scheduler {

/// Sends the commands of runs again. Each call handles at most batch_max runs in one transaction and answers
/// how many.
class Requeue {
 public:
  static constexpr long batch_max = 500;

  Requeue(std::string topic_prefix, postgres::Database& database, runs::OutboxPublisher& publisher,
          const Clock& clock, metrics::Registry& metrics);
  /// waiting and due → queued.
  long resume();
  /// running without a heartbeat for `age` → queued; the claim is taken from whoever held it.
  long rescue(std::chrono::milliseconds age);
  /// queued for `age` and not picked up: its command was lost (Kafka's data gone, say), or the backlog is
  /// long.
  long resend(std::chrono::milliseconds age);

 private:
  /// `why` becomes a metric's label and stands in the run's history; `news`: the state changed, so publish
  /// it.
  long requeue(const char* why, const std::string& which, const std::string& order,
               std::chrono::milliseconds age, bool news);

  std::string topic_prefix_;
  postgres::Database& database_;
  runs::OutboxPublisher& publisher_;
  const Clock& clock_;
  metrics::Registry& metrics_;
};

}  // namespace rollcall::scheduler
