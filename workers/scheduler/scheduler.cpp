#include "workers/scheduler/scheduler.h"

#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/postgres/listener.h"
#include "common/schedules/schedules.h"
#include "workers/scheduler/adapters/duties.h"
#include "workers/scheduler/adapters/lease.h"

#include <algorithm>
#include <thread>

namespace rollcall::scheduler {
namespace {

using std::chrono::milliseconds;

/// Stands for election, leads, and stands again.
class Scheduler {
 public:
  Scheduler(const SchedulerOptions& options, postgres::Database& database, kafka::Producer& producer,
            const Clock& clock, metrics::Registry& metrics)
      : options_(options),
        database_(database),
        producer_(producer),
        clock_(clock),
        metrics_(metrics),
        lease_(database, "scheduler", options.instance, options.lease),
        publisher_(database, producer),
        leads_(metrics.gauge("rollcall_scheduler_leader", "1 while this process leads")) {}

  void run(const std::stop_token& stop) {
    const std::jthread ears([&](const std::stop_token& over) { listen(over); });
    keep_doing(
        "election",
        [&]() -> std::chrono::microseconds {
          leads_.set(0);
          auto term = lease_.acquire();
          if (!term) return std::max(milliseconds{20}, lease_.until_free());
          lead(*term, stop);
          return milliseconds{0};
        },
        bell_, stop);
    publisher_.flush(milliseconds{2'000});  // what is left, the next sweep finds
  }

 private:
  void lead(Term& term, const std::stop_token& stop) {
    log::info("leading", {{"fencing", term.fencing()}, {"instance", options_.instance}});
    leads_.set(1);
    const Tools tools{options_, term, producer_, publisher_, clock_, metrics_};
    bool held = false;
    {
      Duties duties(tools);
      {
        const std::lock_guard lock(mutex_);
        duties_ = &duties;
      }
      held = hold(term, stop);
      const std::lock_guard lock(mutex_);
      duties_ = nullptr;
    }
    leads_.set(0);
    log::info("leading_ended", {{"fencing", term.fencing()}, {"resigned", held}});
    if (held) lease_.release(term);
  }

  /// Renews until `stop` (true) or until the lease is lost (false): taken by another, or not renewed in time.
  bool hold(const Term& term, const std::stop_token& stop) {
    Bell never;
    auto renewed = clock_.steady();
    while (!stop.stop_requested()) {
      never.wait(options_.lease / 4, stop);
      const auto asked = clock_.steady();
      try {
        if (!lease_.renew(term)) return false;
        renewed = asked;
      } catch (const Error& error) {
        log::warn("lease_not_renewed", log::describe(error));
        // By now another leads, for all we know.
        if (clock_.steady() - renewed > options_.lease) return false;
      }
    }
    return true;
  }

  void listen(const std::stop_token& stop) {
    Bell never;
    const Backoff backoff{milliseconds{200}, milliseconds{5'000}};
    for (int failures = 0; !stop.stop_requested();) {
      try {
        postgres::Listener listener(database_.options(), schedules::channel);
        failures = 0;
        ring();  // what was said while nobody listened
        while (!stop.stop_requested()) {
          if (listener.wait(milliseconds{60'000}, stop)) ring();
        }
      } catch (const Error& error) {
        if (++failures == 1) log::warn("listen_failed", log::describe(error));
        never.wait(backoff.delay(failures, crypto::random_unit()), stop);
      }
    }
  }

  void ring() {
    bell_.ring();
    const std::lock_guard lock(mutex_);
    if (duties_ != nullptr) duties_->ring();
  }

  const SchedulerOptions& options_;
  postgres::Database& database_;
  kafka::Producer& producer_;
  const Clock& clock_;
  metrics::Registry& metrics_;
  Lease lease_;
  runs::OutboxPublisher publisher_;
  metrics::Gauge& leads_;
  Bell bell_;
  std::mutex mutex_;
  Duties* duties_ = nullptr;
};

}  // namespace

void run_scheduler(const SchedulerOptions& options, postgres::Database& database, kafka::Producer& producer,
                   const Clock& clock, metrics::Registry& metrics, std::stop_token stop) {
  Scheduler(options, database, producer, clock, metrics).run(stop);
}

}  // namespace rollcall::scheduler
