#include "workers/group_health/settings.h"

namespace rollcall::group_health {

using namespace std::chrono_literals;

ProcessSettings load_settings(config::Settings& settings) {
  ProcessSettings all;
  all.common = worker::load_common_settings(settings, "group-health", 9104);
  all.loop = worker::load_loop_options(settings, all.common);
  // Every lane may hold a connection; the loop itself needs a few.
  all.common.database.connections_max = all.loop.lanes + 4;
  all.microsoft = graph::load_settings(settings);
  all.handler.enabled = all.microsoft.enabled;
  all.handler.patience =
      settings.duration("ROLLCALL_PARK_AFTER", 30s, 0ms, 1h, "a run that must wait longer is parked");
  CheckOptions& checks = all.handler.checks;
  checks.tenant_id = all.microsoft.credentials.tenant_id;
  checks.second_look_after = settings.duration(
      "ROLLCALL_SECOND_LOOK_AFTER", 15min, 1s, 24h * 7,
      "a group that is not found is looked at again after this, before its link is removed");
  checks.absence = load_absence_limits(settings);
  checks.may_change_privileged = settings.flag("ROLLCALL_ROLE_ASSIGNABLE_GROUPS", false,
                                               "true: the app holds RoleManagement.ReadWrite.Directory and "
                                               "may change groups that roles are assigned to");
  settings.finish();
  return all;
}

}  // namespace rollcall::group_health
