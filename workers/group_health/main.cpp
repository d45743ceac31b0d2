#include "common/graph/connection.h"
#include "common/kafka/kafka.h"
#include "common/log/log.h"
#include "common/worker/living.h"
#include "common/worker/process.h"
#include "common/worker/run_worker.h"
#include "workers/group_health/settings.h"

using namespace rollcall;  // NOLINT: a list of parts reads better without

int main(int argc, char** argv) try {
  const auto describe = [](config::Settings& settings) { group_health::load_settings(settings); };
  if (const auto code =
          config::handle_arguments(argc, argv, "rollcall-group-health",
                                   "Looks after the Microsoft 365 groups that are linked.", describe))
    return *code;
  config::Settings settings{config::process_environment()};
  const group_health::ProcessSettings options = group_health::load_settings(settings);
  log::init("group-health", options.common.log_level);

  worker::StopSignal stop;
  SystemClock clock;
  metrics::Registry metrics{"group-health"};
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
  group_health::Handler handler{database, microsoft.client(), clock, metrics, options.handler};
  worker::OpsServer ops{options.common.ops_port, metrics,
                        worker::reachability(database, producer, options.common.kafka.brokers)};
  stop.guard([&] {
    worker::run_worker(options.loop, database, producer, schemas, handler, clock, metrics, stop.token(),
                       &ops.health());
  });
  return stop.exit_code();
} catch (const std::exception& error) {
  return log::fail(error);
}
