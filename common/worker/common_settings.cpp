#include "common/worker/common_settings.h"

#include <unistd.h>

namespace rollcall::worker {
namespace {

std::string host_and_process() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  return std::string{host} + ":" + std::to_string(getpid());
}

}  // namespace

CommonSettings load_common_settings(config::Settings& settings, const std::string& worker,
                                    std::uint16_t ops_port) {
  CommonSettings common;
  common.worker = worker;
  common.database.url = settings.required_secret("DATABASE_URL", "PostgreSQL, postgresql://…").reveal();
  common.database.application_name = "rollcall-" + worker;
  common.kafka.brokers =
      settings.required("KAFKA_BROKERS", "Kafka's bootstrap servers, host:port, comma-separated.");
  common.kafka.client_id = "rollcall-" + worker;
  common.instance = settings.text("ROLLCALL_INSTANCE_ID", "",
                                  "Stable name of this process in its consumer group; empty: host and pid.");
  common.stable = !common.instance.empty();
  if (!common.stable) common.instance = host_and_process();
  common.ops_port = static_cast<std::uint16_t>(settings.number(
      "ROLLCALL_OPS_PORT", ops_port, 0, 65535, "Port of /healthz, /readyz and /metrics; 0: any."));
  common.log_level = settings.text("ROLLCALL_LOG_LEVEL", "info", "debug, info, warn or error.");
  return common;
}

}  // namespace rollcall::worker
