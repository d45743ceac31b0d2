#pragma once
#include "workers/scheduler/adapters/tools.h"

#include <chrono>
#include <string>

namespace rollcall::scheduler {

/// Sends the commands of runs, and ticks, again. Each call handles at most batch_max in one transaction and
/// answers how many.
class Requeue {
 public:
  static constexpr long batch_max = 500;

  explicit Requeue(const Tools& tools);
  /// waiting and due → queued.
  long resume();
  /// running without a heartbeat for rescue_after → queued; the claim is taken from whoever held it. Nobody
  /// can have beaten while PostgreSQL was down, so that time does not count.
  long rescue();
  /// queued for resend_after and not picked up: its command was lost (Kafka's data gone, say), or the backlog
  /// is long. Then ever less often, up to every 64 times that.
  long resend();
  /// Ticks that no worker has served: sent again after resend_after, then ever less often, until they expire.
  long resend_ticks();
  /// How long until the next waiting run is due, at most `longest`.
  std::chrono::microseconds until_resume(std::chrono::microseconds longest);

 private:
  /// `why` becomes a metric's label and stands in the run's history; `again`: queued it was before.
  long requeue(const char* why, const std::string& which, const std::string& order,
               std::chrono::milliseconds age, bool again);
  void forget_blocks(std::chrono::milliseconds age);
  void tell(const char* why, long count);

  const Tools& tools_;
};

}  // namespace rollcall::scheduler
