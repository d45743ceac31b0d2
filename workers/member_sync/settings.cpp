#include "workers/member_sync/settings.h"

namespace rollcall::member_sync {

using namespace std::chrono_literals;

ProcessSettings load_settings(config::Settings& settings) {
  ProcessSettings all;
  all.common = worker::load_common_settings(settings, "member-sync", 9101);
  all.loop = worker::load_loop_options(settings, all.common);
  // Every lane may hold a connection; the loop itself needs a few.
  all.common.database.connections_max = all.loop.lanes + 4;
  all.microsoft = graph::load_settings(settings);
  all.handler.enabled = all.microsoft.enabled;
  all.handler.tenant_id = all.microsoft.credentials.tenant_id;
  all.handler.hold_off = settings.duration("ROLLCALL_HOLD_OFF", 60s, 0ms, 1h,
                                           "how long our own writes are believed over a listing");
  all.handler.full_read_interval = settings.duration("ROLLCALL_FULL_READ_INTERVAL", 24h, 0ms, 24h * 7,
                                                     "a group is read in full at least this often");
  all.handler.patience =
      settings.duration("ROLLCALL_PARK_AFTER", 30s, 0ms, 1h, "a run that must wait longer is parked");
  all.handler.sweep_maybe_max = static_cast<std::size_t>(
      settings.number("ROLLCALL_SWEEP_MAYBE_MAX", 2'000, 1, 1'000'000,
                      "runs a sweep starts for groups that nothing is known of but that they are due"));
  all.roster_events.kafka = all.common.kafka;
  if (all.common.stable) all.roster_events.instance_id = all.common.instance;
  all.roster_events.enabled = all.handler.enabled;
  all.roster_events.debounce = settings.duration("ROLLCALL_ROSTER_DEBOUNCE", 5s, 0ms, 1h,
                                                 "how long a sync waits for more events of the same roster");
  settings.finish();
  return all;
}

}  // namespace rollcall::member_sync
