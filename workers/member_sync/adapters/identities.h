#pragma once
#include "common/graph/client.h"
#include "workers/member_sync/core/resolve.h"

#include <string>
#include <vector>

namespace rollcall::member_sync {

/// Asks Graph whose addresses these are: 15 per filter, 20 filters per batch, two passes (see Resolver).
/// Throws Error: denied
/// ("graph_not_permitted"), transient ("graph_unavailable"), or as graph::Client does. Never guesses from
/// half an answer.
std::vector<Resolution> resolve_addresses(graph::Client& client, std::vector<std::string> addresses,
                                          const graph::CallContext& call);

}  // namespace rollcall::member_sync
