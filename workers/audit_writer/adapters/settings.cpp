#include "workers/audit_writer/adapters/settings.h"

namespace rollcall::audit_writer {

ProcessOptions load(config::Settings& settings) {
  ProcessOptions options;
  options.database.url = settings.required_secret("DATABASE_URL", "PostgreSQL, postgresql://…").reveal();
  options.database.application_name = "rollcall-audit-writer";
  options.database.connections_max = 2;  // one writes, one answers /readyz
  options.loop.kafka.brokers = settings.required("KAFKA_BROKERS", "Kafka bootstrap servers, host:port,…");
  options.loop.kafka.client_id = "rollcall-audit-writer";
  options.loop.instance_id = settings.text("ROLLCALL_INSTANCE_ID", "",
                                           "stable name of this process in the consumer group; empty: none");
  options.ops_port = static_cast<std::uint16_t>(
      settings.number("ROLLCALL_OPS_PORT", 9103, 0, 65535, "port of /healthz, /readyz and /metrics; 0: any"));
  options.log_level = settings.text("ROLLCALL_LOG_LEVEL", "info", "debug, info, warn or error");
  settings.finish();
  return options;
}

}  // namespace rollcall::audit_writer
