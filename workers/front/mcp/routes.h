#pragma once
#include "workers/front/api/call.h"
#include "workers/front/mcp/server.h"

/// The server on the front's own ways: its paths, its callers, its limits.
namespace rollcall::front::mcp {

/// Where clients learn who gives tokens for the endpoint (RFC 9728).
inline constexpr const char* resource_metadata_path = "/.well-known/oauth-protected-resource/mcp";

struct ResourceMetadata {
  std::string authorization_server;  ///< "https://login.microsoftonline.com/<tenant>/v2.0"
  std::vector<std::string> scopes;   ///< what a client is to ask for
};

/// POST /mcp. The server outlives the routes. `access`: signed_in but for tests of the protocol alone.
Route endpoint_route(const Server& server, Access access = Access::signed_in);
/// The protected-resource metadata, at its own path and at the root's.
Routes metadata_routes(const ResourceMetadata& metadata);

}  // namespace rollcall::front::mcp
