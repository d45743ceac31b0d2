#pragma once
#include "common/core/json.h"
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// What --state-file keeps, in the form that POST /sandbox/seed takes: users and groups as they began, and
/// under "history" all that happened since, the delta links that look back on it, and the keys that sign
/// tokens. A restart forgets bearer tokens, sign-ins, faults and what was spent of the quotas.
Json snapshot(const State& state);

/// The "history" of a snapshot, once its users and groups are in place. Throws std::exception.
void restore_history(State& state, const Json& history);

}  // namespace rollcall::sandbox_graph
