#include "common/core/error.h"
#include "common/graph/connection.h"
#include "common/kafka/kafka.h"
#include "common/log/log.h"
#include "common/worker/living.h"
#include "common/worker/process.h"
#include "common/worker/run_worker.h"
#include "workers/advisor_scan/adapters/outside.h"
#include "workers/advisor_scan/settings.h"

#include <thread>

using namespace rollcall;  // NOLINT: a list of parts reads better without

int main(int argc, char** argv) try {
  const auto describe = [](config::Settings& settings) { advisor_scan::load_settings(settings); };
  if (const auto code = config::handle_arguments(
          argc, argv, "rollcall-advisor-scan",
          "Looks for what an operator should look at: findings by pillar.", describe))
    return *code;
  config::Settings settings{config::process_environment()};
  const advisor_scan::ProcessSettings options = advisor_scan::load_settings(settings);
  log::init(advisor_scan::worker_name, options.common.log_level);

  worker::StopSignal stop;
  SystemClock clock;
  metrics::Registry metrics{advisor_scan::worker_name};
  schema::Validator schemas;
  postgres::Database database{options.common.database};
  kafka::Producer producer{options.common.kafka};
  http_client::CurlTransport transport{options.microsoft.http};
  graph::Connection microsoft{
      {options.microsoft, options.common.kafka, options.common.worker + "/" + options.common.instance,
       [&] { return worker::living_instances(database); }},
      transport,
      producer,
      schemas,
      clock,
      metrics};
  auto readings = advisor_scan::database_readings(database, options.handler.limits);
  readings.push_back(advisor_scan::dead_letter_reading(database, options.common.kafka));
  for (auto& reading : advisor_scan::registration_readings(options.microsoft, microsoft))
    readings.push_back(std::move(reading));
  advisor_scan::Handler handler{database, std::move(readings), clock, metrics, options.handler};
  worker::OpsServer ops{options.common.ops_port, metrics,
                        worker::reachability(database, producer, options.common.kafka.brokers)};
  std::jthread run_events([&] {
    stop.guard([&] { advisor_scan::run_events(options.run_events, database, clock, metrics, stop.token()); });
  });
  stop.guard([&] {
    worker::run_worker(options.loop, database, producer, schemas, handler, clock, metrics, stop.token(),
                       &ops.health());
  });
  run_events.join();
  return stop.exit_code();
} catch (const std::exception& error) {
  return log::fail(error);
}
