#include "workers/audit_writer/adapters/settings.h"

namespace rollcall::audit_writer {

ProcessOptions load(config::Settings& settings) {
  ProcessOptions options;
  options.common = worker::load_common_settings(settings, "audit-writer", 9103);
  options.common.database.connections_max = 2;  // one writes, one answers /readyz
  options.loop.kafka = options.common.kafka;
  if (options.common.stable) options.loop.instance_id = options.common.instance;
  options.loop.retention_months = settings.number(
      "ROLLCALL_AUDIT_RETENTION_MONTHS", 0, 0, 1'200,
      "Months of the audit trail that are kept, this one among them; 0: all of them for good");
  options.loop.tenant_id = settings.text("MS_AUTH_TENANT_ID", "default", "Entra tenant");
  settings.finish();
  return options;
}

}  // namespace rollcall::audit_writer
