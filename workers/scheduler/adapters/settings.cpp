#include "workers/scheduler/adapters/settings.h"

namespace rollcall::scheduler {

ProcessOptions load(config::Settings& settings) {
  using namespace std::chrono_literals;
  ProcessOptions options;
  options.database.url = settings.required_secret("DATABASE_URL", "PostgreSQL, postgresql://…").reveal();
  options.database.application_name = "rollcall-scheduler";
  options.kafka.brokers = settings.required("KAFKA_BROKERS", "Kafka bootstrap servers, host:port,…");
  options.kafka.client_id = "rollcall-scheduler";
  options.loop.resend_after = settings.duration("ROLLCALL_RESEND_AFTER", 60s, 1s, 24h,
                                                "a queued run nobody picked up is sent again after this");
  options.loop.rescue_after = settings.duration("ROLLCALL_RESCUE_AFTER", 60s, 5s, 24h,
                                                "a running run without heartbeat is queued again after this");
  options.ops_port = static_cast<std::uint16_t>(
      settings.number("ROLLCALL_OPS_PORT", 9102, 0, 65535, "port of /healthz, /readyz and /metrics; 0: any"));
  options.log_level = settings.text("ROLLCALL_LOG_LEVEL", "info", "debug, info, warn or error");
  settings.finish();
  return options;
}

}  // namespace rollcall::scheduler
