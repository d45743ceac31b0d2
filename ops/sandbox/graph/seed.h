#pragma once
#include "common/core/json.h"
#include "common/core/result.h"
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// The body of POST /sandbox/seed, the text of --seed-file and of --state-file. The ids of the groups made,
/// or what is wrong.
Result<Json> seed(State& state, const Json& input, WallTime now);

}  // namespace rollcall::sandbox_graph
