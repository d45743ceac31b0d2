#include "common/graph/connection.h"
#include "common/log/log.h"
#include "common/worker/living.h"
#include "common/worker/presence.h"
#include "common/worker/process.h"
#include "workers/front/adapters/call_ledger.h"
#include "workers/front/adapters/member_changes.h"
#include "workers/front/adapters/news_feed.h"
#include "workers/front/adapters/settler.h"
#include "workers/front/api/connections.h"
#include "workers/front/api/document.h"
#include "workers/front/api/routes.h"
#include "workers/front/connectors/connectors.h"
#include "workers/front/settings.h"

#include <optional>
#include <utility>

using namespace rollcall;  // NOLINT: a list of parts reads better without

int main(int argc, char** argv) try {
  const auto describe = [](config::Settings& settings) { front::load_settings(settings); };
  if (const auto code = config::handle_arguments(argc, argv, "rollcall-front",
                                                 "Serves REST, live news, Copilot and MCP.", describe))
    return *code;
  config::Settings settings{config::process_environment()};
  front::FrontSettings options = front::load_settings(settings);
  log::init("front", options.common.log_level);

  worker::StopSignal stop;
  const SystemClock clock;
  metrics::Registry metrics{"front"};
  postgres::Database database{options.common.database};
  kafka::Producer producer{options.common.kafka};
  runs::OutboxPublisher outbox{database, producer};
  http_client::CurlTransport transport{options.microsoft.http};
  const schema::Validator messages;
  std::optional<graph::Connection> microsoft;
  if (options.microsoft.enabled)
    microsoft.emplace(graph::ConnectionOptions{options.microsoft, options.common.kafka,
                                               options.common.worker + "/" + options.common.instance,
                                               [&] { return worker::living_instances(database); }},
                      transport, producer, messages, clock, metrics);
  auth::Authenticator authenticator{options.auth, transport, clock, metrics};
  std::optional<vault::Keyring> keyring;
  if (options.keys) keyring.emplace(std::move(options.keys), clock);
  vault::TokenEndpoint endpoint{transport, clock, options.microsoft.credentials, options.microsoft.root};
  std::optional<front::Vault> vault;
  if (keyring) vault.emplace(front::Vault{*keyring, endpoint, authenticator, options.pipeline.public_root});
  std::optional<front::Connectors> connectors;
  if (vault)
    connectors.emplace(front::Connectors::Parts{database, *vault, transport, clock, metrics,
                                                options.microsoft.root,
                                                options.common.worker + "/" + options.common.instance});
  const schema::Validator components = front::component_validator();
  front::Pool pool{options.threads, options.queue_max};
  front::Pool looks{2, options.queue_max};
  front::NewsFeed news{{options.common.kafka, runs::runs_topic}, database, looks, clock, metrics};
  const std::string instance = options.common.worker + "/" + options.common.instance;
  const front::CallLedger ledger{
      {database, outbox, looks, clock, metrics, options.microsoft.credentials.tenant_id, instance}};
  front::Parts parts{.database = database,
                     .outbox = outbox,
                     .pool = pool,
                     .clock = clock,
                     .tenant_id = options.microsoft.credentials.tenant_id,
                     .absence = options.absence,
                     .graph = microsoft ? &microsoft->client() : nullptr,
                     .news = &news,
                     .kafka = options.common.kafka,
                     .hooks = options.hooks,
                     .metrics = &metrics,
                     .looks = &looks,
                     .streams_max = options.streams_max,
                     .components = &components,
                     .ledger = &ledger,
                     .vault = vault ? &*vault : nullptr,
                     .connectors = connectors ? &*connectors : nullptr};
  auto routes = front::all_routes(parts);
  const front::mcp::Endpoint mcp{
      parts,
      routes,
      options.mcp,
      {options.pipeline.microsoft_enabled, options.pipeline.public_root, options.pipeline.origins}};
  for (auto& route : mcp.routes())
    routes.push_back(std::move(route));
  front::Pipeline pipeline{
      std::move(routes), options.pipeline, {authenticator, database, components, pool, clock, metrics}};
  auto server_options = options.server;
  server_options.refusal = front::Pipeline::refuse;
  server_options.body_bytes_max_for = [&](std::string_view method, std::string_view target) {
    return pipeline.body_bytes_max(method, target);
  };
  server_options.answer_timeout_for = [&](std::string_view method, std::string_view target) {
    return pipeline.answer_timeout(method, target);
  };
  server_options.before_body = [&](http_server::Request head, http_server::Respond respond) {
    pipeline.serve_head(std::move(head), std::move(respond));
  };
  http_server::Server server{server_options, [&](http_server::Request request, http_server::Respond respond) {
                               pipeline.serve(std::move(request), std::move(respond));
                             }};
  auto checks = worker::reachability(database, producer, options.common.kafka.brokers);
  // Switched off, Microsoft's authority is nobody to wait for.
  checks.push_back({"identity", [&] { return !options.microsoft.enabled || authenticator.ready(); },
                    "the signing keys of " + options.auth.authority + " could not be loaded yet"});
  const worker::OpsServer ops{options.common.ops_port, metrics, std::move(checks)};
  const front::Settler settler{
      database, outbox, clock, {front::settle_abandoned_changes, front::settle_interrupted_calls}};
  // Others of the app see that this process holds a share of Microsoft's quota.
  const worker::Heartbeat heartbeat{database, [&] {
                                      return worker::Presence{
                                          options.common.worker, options.common.instance,
                                          static_cast<int>(options.threads), static_cast<int>(pool.busy()),
                                          static_cast<long>(pool.busy() + pool.waiting())};
                                    }};
  log::info("started", {{"port", server.port()}, {"ops_port", ops.port()}, {"version", ROLLCALL_VERSION}});
  stop.wait();
  server.drain(options.drain);
  pool.finish();
  looks.finish();
  log::info("stopped");
  return 0;
} catch (const std::exception& error) {
  return log::fail(error);
}
