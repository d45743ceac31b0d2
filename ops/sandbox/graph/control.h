#pragma once
#include "common/core/json.h"
#include "common/core/result.h"
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// /sandbox/…: what a test does to the service behind Graph's back. No token needed.
http_server::Response control(const http_server::Request& request, State& state, WallTime now);

/// The body of POST /sandbox/seed and the text of --seed-file. The ids of the groups made, or what is wrong.
Result<Json> seed(State& state, const Json& input, WallTime now);

}  // namespace rollcall::sandbox_graph
