#include "common/log/log.h"
#include "common/worker/process.h"
#include "workers/audit_writer/adapters/settings.h"
#include "workers/audit_writer/audit_writer.h"

int main(int argc, char** argv) {
  using namespace rollcall;
  try {
    if (const auto code =
            config::handle_arguments(argc, argv, "rollcall-audit-writer",
                                     "Writes audit events from Kafka into audit.events, each once.",
                                     [](config::Settings& settings) { audit_writer::load(settings); })) {
      return *code;
    }
    config::Settings settings(config::process_environment());
    const auto options = audit_writer::load(settings);
    log::init("audit-writer", options.common.log_level);
    worker::StopSignal stop;
    const SystemClock clock;
    metrics::Registry metrics("audit-writer");
    const schema::Validator schemas;
    postgres::Database database(options.common.database);
    kafka::Producer producer(options.common.kafka);
    worker::OpsServer ops(options.common.ops_port, metrics,
                          worker::reachability(database, producer, options.common.kafka.brokers));
    log::info("started", {{"ops_port", ops.port()}, {"version", ROLLCALL_VERSION}});
    audit_writer::run_audit_writer(options.loop, database, producer, schemas, clock, metrics, stop.token());
    log::info("stopped");
    return 0;
  } catch (const std::exception& error) {
    return log::fail(error);
  }
}
