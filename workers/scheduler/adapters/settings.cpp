#include "workers/scheduler/adapters/settings.h"

namespace rollcall::scheduler {

ProcessOptions load(config::Settings& settings) {
  using namespace std::chrono_literals;
  ProcessOptions options;
  options.common = worker::load_common_settings(settings, "scheduler", 9102);
  options.common.kafka.extra["linger.ms"] = "0";  // a tick is late by what it lingers
  options.common.database.connections_max = 12;   // a duty each, and renewing the lease never waits for one
  options.loop.instance = options.common.instance;
  options.loop.lease =
      settings.duration("ROLLCALL_LEASE", 3s, 1s, 60s, "a leader that dies is replaced after this");
  options.loop.keep_ticks = std::chrono::hours{settings.number(
      "ROLLCALL_KEEP_TICKS_HOURS", 24, 1, 8'760, "served ticks are forgotten after this many hours")};
  options.loop.resend_after =
      settings.duration("ROLLCALL_RESEND_AFTER", 60s, 1s, 24h,
                        "a queued run nobody picked up is sent again after this, then ever less often");
  options.loop.rescue_after =
      settings.duration("ROLLCALL_RESCUE_AFTER", options.loop.rescue_after, runs::stale_after, 24h,
                        "a running run without heartbeat is queued again after this");
  settings.finish();
  return options;
}

}  // namespace rollcall::scheduler
