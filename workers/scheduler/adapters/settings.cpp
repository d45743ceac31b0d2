#include "workers/scheduler/adapters/settings.h"

namespace rollcall::scheduler {

ProcessOptions load(config::Settings& settings) {
  using namespace std::chrono_literals;
  ProcessOptions options;
  options.common = worker::load_common_settings(settings, "scheduler", 9102);
  options.loop.resend_after = settings.duration("ROLLCALL_RESEND_AFTER", 60s, 1s, 24h,
                                                "a queued run nobody picked up is sent again after this");
  options.loop.rescue_after = settings.duration("ROLLCALL_RESCUE_AFTER", 60s, 5s, 24h,
                                                "a running run without heartbeat is queued again after this");
  settings.finish();
  return options;
}

}  // namespace rollcall::scheduler
