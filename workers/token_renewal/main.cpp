#include "common/graph/connection.h"
#include "common/kafka/kafka.h"
#include "common/log/log.h"
#include "common/vault/token_endpoint.h"
#include "common/worker/living.h"
#include "common/worker/process.h"
#include "common/worker/run_worker.h"
#include "workers/token_renewal/settings.h"

#include <optional>
#include <utility>

using namespace rollcall;  // NOLINT: a list of parts reads better without

int main(int argc, char** argv) try {
  const auto describe = [](config::Settings& settings) { token_renewal::load_settings(settings); };
  if (const auto code = config::handle_arguments(
          argc, argv, "rollcall-token-renewal",
          "Renews what people granted, and the subscription to changes at Microsoft Graph.", describe))
    return *code;
  config::Settings settings{config::process_environment()};
  token_renewal::ProcessSettings options = token_renewal::load_settings(settings);
  log::init("token-renewal", options.common.log_level);

  worker::StopSignal stop;
  SystemClock clock;
  metrics::Registry metrics{"token-renewal"};
  schema::Validator schemas;
  postgres::Database database{options.common.database};
  kafka::Producer producer{options.common.kafka};
  http_client::CurlTransport transport{options.microsoft.http};
  const std::string instance = options.common.worker + "/" + options.common.instance;
  graph::Connection microsoft{
      {options.microsoft, options.common.kafka, instance, [&] { return worker::living_instances(database); }},
      transport,
      producer,
      schemas,
      clock,
      metrics};
  vault::TokenEndpoint endpoint{transport, clock, options.microsoft.credentials, options.microsoft.root};
  std::optional<vault::Keyring> keyring;
  std::optional<vault::Renewer> renewer;
  if (options.keys) {
    keyring.emplace(std::move(options.keys), clock);
    renewer.emplace(database, endpoint, *keyring, instance);
  }
  token_renewal::Handler handler{database, microsoft.client(), renewer ? &*renewer : nullptr, clock,
                                 metrics,  options.handler};
  worker::OpsServer ops{options.common.ops_port, metrics,
                        worker::reachability(database, producer, options.common.kafka.brokers)};
  const auto note = [&](const std::string& name, const std::string& message) {
    ops.health().note(name, message);
    log::info("left_out", {{"what", name}, {"why", message}});
  };
  if (!renewer) note("grants", "ROLLCALL_VAULT_KEYS is not set: what people connected is not renewed");
  if (options.handler.subscriptions.hook_url.empty())
    note("subscriptions",
         "ROLLCALL_GRAPH_CLIENT_STATE is not set: Microsoft Graph does not tell of changed groups");
  stop.guard([&] {
    worker::run_worker(options.loop, database, producer, schemas, handler, clock, metrics, stop.token(),
                       &ops.health());
  });
  return stop.exit_code();
} catch (const std::exception& error) {
  return log::fail(error);
}
