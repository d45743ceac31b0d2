#pragma once
#include "common/graph/client.h"

#include <chrono>
#include <stop_token>
#include <vector>

namespace rollcall::member_sync {

/// A GET, of a path or of a link followed verbatim. `after`: as graph::Request has it.
graph::Request get(std::string url, int after = -1);

/// Waits, but no longer than until the process stops.
void pause_for(std::chrono::milliseconds time, const std::stop_token& stop);

/// A batch of reads, its passing failures (no answer, 429, 5xx, 424 behind one of these) sent again a few
/// times with backoff. What still fails after that is returned as it is. Throws as Client::batch() does, and
/// Error{throttled} where a part asks for more than `call.patience`.
std::vector<graph::Response> read_batch(graph::Client& client, const std::vector<graph::Request>& requests,
                                        const graph::CallContext& call);

/// "/groups/…" of an absolute link under the client's root, for use inside a batch; empty where it leads
/// elsewhere.
std::string relative_to(const graph::Client& client, const std::string& link);

/// A string member of an object, empty where there is none.
std::string text_member(const Json& object, const char* name);

/// The sentence of a failed answer, for error messages.
std::string describe(const graph::Response& response);

}  // namespace rollcall::member_sync
