#include "common/graph/connection.h"
#include "common/kafka/kafka.h"
#include "common/log/log.h"
#include "common/worker/living.h"
#include "common/worker/process.h"
#include "common/worker/run_worker.h"
#include "workers/member_sync/roster_events.h"
#include "workers/member_sync/settings.h"

#include <thread>

using namespace rollcall;  // NOLINT: a list of parts reads better without

int main(int argc, char** argv) try {
  const auto describe = [](config::Settings& settings) { member_sync::load_settings(settings); };
  if (const auto code = config::handle_arguments(
          argc, argv, "rollcall-member-sync", "Keeps Microsoft 365 groups true to their rosters.", describe))
    return *code;
  config::Settings settings{config::process_environment()};
  const member_sync::ProcessSettings options = member_sync::load_settings(settings);
  log::init("member-sync", options.common.log_level);

  worker::StopSignal stop;
  SystemClock clock;
  metrics::Registry metrics{"member-sync"};
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
  member_sync::Handler handler{database, microsoft.client(), clock, options.handler};
  worker::OpsServer ops{options.common.ops_port, metrics,
                        worker::reachability(database, producer, options.common.kafka.brokers)};
  std::jthread roster_events([&] {
    stop.guard([&] {
      member_sync::run_roster_events(options.roster_events, database, producer, schemas, clock, metrics,
                                     stop.token());
    });
  });
  stop.guard([&] {
    worker::run_worker(options.loop, database, producer, schemas, handler, clock, metrics, stop.token(),
                       &ops.health());
  });
  roster_events.join();
  return stop.exit_code();
} catch (const std::exception& error) {
  return log::fail(error);
}
