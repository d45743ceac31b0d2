#pragma once
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// Discovery, keys and the token endpoint (client credentials by secret or by assertion).
http_server::Response entra(const http_server::Request& request, State& state, WallTime now);

}  // namespace rollcall::sandbox_graph
