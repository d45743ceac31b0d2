#include "workers/front/mcp/endpoint.h"

#include "workers/front/api/agents.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rollcall::front::mcp {
namespace {

/// A request for the endpoint that is turned away at the door, before it is known what it asks for.
Route with_record(Route route, const CallLedger& ledger) {
  route.turned_away = [&ledger](const Call& call, Response response, Respond respond) {
    const auto problem = parse_json(response.body);
    const auto code = problem ? text_member(*problem, "code") : std::string();
    AgentCall refused{.surface = "mcp",
                      .operation = unknown_operation,
                      .caller = call.caller,
                      .traceparent = kept_traceparent(call.traceparent)};
    ledger.refuse(std::move(refused), {.status = response.status, .code = code.empty() ? "internal" : code},
                  [response = std::move(response), respond = std::move(respond)] { respond(response); });
  };
  return route;
}

/// What tools ask for: the interface's operations, and those that it does not serve.
Routes asked_for(Parts& parts, Routes interface) {
  std::ranges::move(connector_routes(parts), std::back_inserter(interface));
  return interface;
}

}  // namespace

Endpoint::Endpoint(Parts& parts, Routes interface, EndpointOptions options, Front front)
    : metadata_(std::move(options.metadata)),
      operations_(asked_for(parts, std::move(interface)), {.microsoft_enabled = front.microsoft_enabled},
                  {parts.database, *parts.components, parts.pool, parts.clock}),
      ledger_(*parts.ledger),
      server_(rollcall_features({.operations = operations_,
                                 .ledger = &ledger_,
                                 .news = parts.news,
                                 .read_only = options.read_only,
                                 .allowed = std::move(options.tools)}),
              {.public_root = std::move(front.public_root),
               .origins = std::move(front.origins),
               .key = std::move(options.key)},
              parts.clock) {}

Routes Endpoint::routes() const {
  auto routes = metadata_routes(metadata_);
  routes.push_back(with_record(endpoint_route(server_), ledger_));
  return routes;
}

}  // namespace rollcall::front::mcp
