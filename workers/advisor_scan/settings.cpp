#include "workers/advisor_scan/settings.h"

namespace rollcall::advisor_scan {

using namespace std::chrono_literals;

ProcessSettings load_settings(config::Settings& settings) {
  ProcessSettings all;
  all.common = worker::load_common_settings(settings, worker_name, 9105);
  all.loop = worker::load_loop_options(settings, all.common);
  // Every lane may hold a connection; the loop itself needs a few.
  all.common.database.connections_max = all.loop.lanes + 4;
  all.microsoft = graph::load_settings(settings);
  const auto& credentials = all.microsoft.credentials;
  // The command line gives organizations this one where none is configured.
  all.handler.tenant_id = credentials.tenant_id.empty() ? "default" : credentials.tenant_id;
  all.handler.client_id = credentials.client_id;
  for (const auto& limit : count_limits())
    all.handler.limits.*limit.member =
        settings.number(limit.setting, limit.fallback, limit.min, limit.max, limit.help);
  for (const auto& limit : time_limits())
    all.handler.limits.*limit.member =
        settings.duration(limit.setting, limit.fallback, limit.min, limit.max, limit.help);
  all.run_events.kafka = all.common.kafka;
  all.run_events.tenant_id = all.handler.tenant_id;
  if (all.common.stable) all.run_events.instance_id = all.common.instance;
  all.run_events.debounce =
      settings.duration("ROLLCALL_SCAN_DEBOUNCE", 30s, 0ms, 1h,
                        "how long a scan that a failed run asks for waits for more of the same organization");
  settings.finish();
  return all;
}

}  // namespace rollcall::advisor_scan
