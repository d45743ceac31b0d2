#pragma once
#include "common/core/address_resolver.h"
#include "common/graph/client.h"

#include <string>
#include <vector>

namespace rollcall::graph {

/// Asks Graph whose addresses these are: 15 per filter, 20 filters per batch, two passes (see Resolver).
/// Throws Error: denied
/// ("graph_not_permitted"), transient ("graph_unavailable"), or as Client does. Never guesses from
/// half an answer.
std::vector<Resolution> resolve_addresses(Client& client, std::vector<std::string> addresses,
                                          const CallContext& call);

}  // namespace rollcall::graph
