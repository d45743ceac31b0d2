#include "workers/front/mcp/routes.h"

namespace rollcall::front::mcp {
namespace {

constexpr std::size_t body_bytes_max = std::size_t{256} * 1024;

}  // namespace

Route endpoint_route(const Server& server, Access access) {
  Route route;
  route.operation = {.method = "POST",
                     .path = "/mcp",
                     .id = "mcp",
                     .summary = "The Model Context Protocol.",
                     .access = access,
                     .answers = {{200, "", "A JSON-RPC message, or a stream of them."}},
                     .tag = "mcp",
                     .body_bytes_max = body_bytes_max};
  route.for_agents = true;
  route.begin = [&server](Call call, Respond respond) { server.post(std::move(call), std::move(respond)); };
  return route;
}

Routes metadata_routes(const ResourceMetadata& metadata) {
  Routes routes;
  for (const auto& [path, id] :
       {std::pair{resource_metadata_path, "get_mcp_resource_metadata"},
        std::pair{"/.well-known/oauth-protected-resource", "get_resource_metadata"}}) {
    Route route;
    route.operation = {.method = "GET",
                       .path = path,
                       .id = id,
                       .summary = "Who gives tokens for /mcp (RFC 9728).",
                       .access = Access::anyone,
                       .answers = {{200, "", "The metadata."}},
                       .tag = "mcp"};
    route.begin = [metadata](const Call& call, const Respond& respond) {
      respond(json_answer(200,
                          {{"resource", call.public_root + "/mcp"},
                           {"resource_name", "Rollcall"},
                           {"authorization_servers", {metadata.authorization_server}},
                           {"scopes_supported", metadata.scopes},
                           {"bearer_methods_supported", {"header"}}},
                          {{"Access-Control-Allow-Origin", "*"}}));
    };
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace rollcall::front::mcp
