#pragma once
#include "ops/sandbox/graph/graph_api.h"

namespace rollcall::sandbox_graph {

/// POST /$batch: 200 with every part judged by itself, or an overall 400 where the envelope makes no sense.
Answer run_batch(State& state, const Call& envelope, WallTime now);

}  // namespace rollcall::sandbox_graph
