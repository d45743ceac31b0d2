#include "workers/front/api/routes.h"

#include "workers/front/api/document.h"

namespace rollcall::front {

void publish(Parts& parts, runs::Stored stored) {
  if (!stored.ids.empty()) parts.outbox.publish(stored.ids, std::move(stored.messages));
}

Routes document_routes(const Routes& all) {
  Operation operation{.method = "GET",
                      .path = "/openapi.json",
                      .id = "get_openapi",
                      .summary = "This interface as an OpenAPI 3.1 document.",
                      .access = Access::anyone,
                      .answers = {{200, "", "The document.", "application/json"}},
                      .tag = "document"};
  std::vector<Operation> operations{operation};
  for (const auto& route : all)
    operations.push_back(route.operation);
  return {{operation, {}, [operations](Call call, Respond respond) {
             respond(json_answer(200, openapi_document(operations, call.public_root)));
           }}};
}

Routes all_routes(Parts&) {
  Routes routes;
  for (auto& route : document_routes(routes))
    routes.push_back(std::move(route));
  return routes;
}

}  // namespace rollcall::front
