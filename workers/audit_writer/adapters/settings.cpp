#include "workers/audit_writer/adapters/settings.h"

namespace rollcall::audit_writer {

ProcessOptions load(config::Settings& settings) {
  ProcessOptions options;
  options.common = worker::load_common_settings(settings, "audit-writer", 9103);
  options.common.database.connections_max = 2;  // one writes, one answers /readyz
  options.loop.kafka = options.common.kafka;
  if (options.common.stable) options.loop.instance_id = options.common.instance;
  settings.finish();
  return options;
}

}  // namespace rollcall::audit_writer
