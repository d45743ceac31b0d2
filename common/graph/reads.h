#pragma once
#include "common/graph/client.h"

#include <string>
#include <vector>

namespace rollcall::graph {

/// A GET, of a path or of a link followed verbatim. `after`: as Request has it.
Request get(std::string url, int after = -1);

/// A batch of reads, its passing failures (no answer, 429, 5xx, 424 behind one of these) sent again a few
/// times with backoff. What still fails after that is returned as it is. Throws as Client::batch() does, and
/// Error{throttled} where a part asks for more than `call.patience`.
std::vector<Response> read_batch(Client& client, const std::vector<Request>& requests,
                                 const CallContext& call);

/// "/groups/…" of an absolute link under the client's root, for use inside a batch; empty where it leads
/// elsewhere.
std::string relative_to(const Client& client, const std::string& link);

/// The sentence of a failed answer, for error messages.
std::string describe(const Response& response);

}  // namespace rollcall::graph
