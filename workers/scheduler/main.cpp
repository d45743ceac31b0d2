#include "common/log/log.h"
#include "common/worker/process.h"
#include "workers/scheduler/adapters/settings.h"
#include "workers/scheduler/scheduler.h"

int main(int argc, char** argv) {
  using namespace rollcall;
  try {
    if (const auto code = config::handle_arguments(
            argc, argv, "rollcall-scheduler",
            "Fires schedules, resumes waiting runs, sweeps the outbox and rescues runs whose worker died.",
            [](config::Settings& settings) { scheduler::load(settings); })) {
      return *code;
    }
    config::Settings settings(config::process_environment());
    const auto options = scheduler::load(settings);
    log::init("scheduler", options.common.log_level);
    worker::StopSignal stop;
    const SystemClock clock;
    metrics::Registry metrics("scheduler");
    postgres::Database database(options.common.database);
    kafka::Producer producer(options.common.kafka);
    worker::OpsServer ops(options.common.ops_port, metrics,
                          worker::reachability(database, producer, options.common.kafka.brokers));
    log::info("started", {{"ops_port", ops.port()}, {"version", ROLLCALL_VERSION}});
    scheduler::run_scheduler(options.loop, database, producer, clock, metrics, stop.token());
    log::info("stopped");
    return 0;
  } catch (const std::exception& error) {
    return log::fail(error);
  }
}
