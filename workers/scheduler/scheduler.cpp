#include "workers/scheduler/scheduler.h"

#include "common/runs/runs.h"
#include "workers/scheduler/adapters/duty.h"
#include "workers/scheduler/adapters/requeue.h"
#include "workers/scheduler/adapters/ticks.h"

#include <algorithm>
#include <thread>

namespace rollcall::scheduler {

using std::chrono::milliseconds;

void run_scheduler(const SchedulerOptions& options, postgres::Database& database, kafka::Producer& producer,
                   const Clock& clock, metrics::Registry& metrics, std::stop_token stop) {
  constexpr int sweep_max = 1'000;
  runs::OutboxPublisher publisher(database, producer);
  Ticks ticks(options.topic_prefix, database, publisher, clock, metrics);
  Requeue requeue(options.topic_prefix, database, publisher, clock, metrics);
  auto& swept = metrics.counter("rollcall_scheduler_outbox_swept_total",
                                "Outbox rows published in their writer's place");
  const milliseconds stale_interval = std::clamp(std::min(options.resend_after, options.rescue_after) / 4,
                                                 milliseconds{100}, milliseconds{5'000});
  const milliseconds sweep_interval =
      std::clamp(options.sweep_after / 4, milliseconds{100}, milliseconds{1'000});

  // A thread each: a sweep that waits for Kafka must not make a tick late. Full batches go on without a
  // pause.
  std::jthread resuming([&] {
    keep_doing(
        "resume",
        [&] { return requeue.resume() == Requeue::batch_max ? milliseconds{0} : options.resume_interval; },
        stop);
  });
  std::jthread minding([&] {
    keep_doing(
        "requeue",
        [&] {
          const bool more = requeue.rescue(options.rescue_after) == Requeue::batch_max;
          return requeue.resend(options.resend_after) == Requeue::batch_max || more ? milliseconds{0}
                                                                                    : stale_interval;
        },
        stop);
  });
  std::jthread sweeping([&] {
    keep_doing(
        "sweep_outbox",
        [&] {
          const long rows = runs::sweep_outbox(database, producer, options.sweep_after, sweep_max);
          swept.add(static_cast<double>(rows));
          return rows == sweep_max ? milliseconds{0} : sweep_interval;
        },
        stop);
  });
  keep_doing(
      "ticks", [&] { return ticks(); }, stop);

  resuming.join();
  minding.join();
  sweeping.join();
  publisher.flush(milliseconds{2'000});  // what is left, the next sweep finds
}

}  // namespace rollcall::scheduler
