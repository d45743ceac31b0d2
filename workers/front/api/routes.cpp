#include "workers/front/api/routes.h"

#include "workers/front/api/agents.h"
#include "workers/front/api/document.h"
#include "workers/front/core/copilot_document.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rollcall::front {

void publish(Parts& parts, runs::Stored stored) {
  if (!stored.ids.empty()) parts.outbox.publish(stored.ids, std::move(stored.messages));
}

namespace {

const Operation openapi_operation{.method = "GET",
                                  .path = "/openapi.json",
                                  .id = "get_openapi",
                                  .summary = "This interface as an OpenAPI 3.1 document.",
                                  .access = Access::anyone,
                                  .answers = {{200, "Document", "The document."}},
                                  .tag = "document"};

/// The document is made once; only the root that clients call is put in for each.
Route document_route(Operation operation, const Json& document) {
  Route route;
  route.operation = std::move(operation);
  route.begin = [rest = dump(document).substr(1)](const Call& call, const Respond& respond) {
    const Json servers = Json::array({{{"url", call.public_root}}});
    respond({200, {{"Content-Type", "application/json"}}, R"({"servers":)" + dump(servers) + "," + rest});
  };
  return route;
}

}  // namespace

Routes document_routes(const Routes& all) {
  Operation copilot = openapi_operation;
  copilot.path = "/openapi-copilot.json";
  copilot.id = "get_openapi_for_copilot";
  copilot.summary = "What of it Microsoft 365 Copilot can call, as OpenAPI 3.0.";
  std::vector<Operation> operations{openapi_operation, copilot};
  for (const auto& route : all)
    operations.push_back(route.operation);
  const Json document = openapi_document(operations);
  return {document_route(openapi_operation, document), document_route(copilot, copilot_document(document))};
}

namespace {

/// What agents call, over the operations there are.
Routes agent_routes(Parts& parts, const Routes& operations) {
  const AgentParts agents{Operations(operations, {.microsoft_enabled = parts.graph != nullptr},
                                     {parts.database, *parts.components, parts.pool, parts.clock}),
                          *parts.ledger};
  return copilot_routes(parts, agents);
}

}  // namespace

Routes all_routes(Parts& parts) {
  Routes routes;
  const auto add = [&routes](Routes area) { std::ranges::move(area, std::back_inserter(routes)); };
  for (const auto area :
       {organizations_routes, rosters_routes, microsoft_routes, jobs_routes, audit_routes, findings_routes,
        operations_routes, dead_letters_routes, hooks_routes, connections_routes, oauth_routes})
    add(area(parts));
  if (parts.news) add(events_routes(parts));
  if (parts.ledger) add(agent_routes(parts, routes));
  for (auto& route : document_routes(routes))
    routes.push_back(std::move(route));
  return routes;
}

}  // namespace rollcall::front
