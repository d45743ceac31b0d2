#pragma once
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// /sandbox/…: what a test does to the service behind Graph's back. No token needed.
http_server::Response control(const http_server::Request& request, State& state, WallTime now);

}  // namespace rollcall::sandbox_graph
