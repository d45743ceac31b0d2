#pragma once
#include "common/core/json.h"
#include "ops/sandbox/graph/directory.h"

namespace rollcall::sandbox_graph {

/// Users and groups as they are now, in the form that POST /sandbox/seed takes. What a restart forgets:
/// deleted things, tokens and delta links.
Json snapshot(const Directory& directory);

}  // namespace rollcall::sandbox_graph
