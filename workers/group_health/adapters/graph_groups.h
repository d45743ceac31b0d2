#pragma once
#include "common/core/ids.h"
#include "common/graph/client.h"
#include "workers/group_health/core/judge.h"

#include <cstddef>
#include <string>
#include <vector>

/// Linked groups as Microsoft Graph shows them, for as few requests as it takes.
namespace rollcall::group_health {

/// A filter names at most 15 groups (known-issues), a batch holds 20 requests: so many in one HTTP request.
inline constexpr std::size_t groups_per_filter = 15;
inline constexpr std::size_t groups_per_batch = groups_per_filter * 20;

/// Looks at up to groups_per_batch groups, in their order: one metered read for every 15 that are there. Who
/// is missing from a listing is asked for by himself, with whether he was deleted: a listing comes from an
/// index that may lag behind, so it never says that a group is gone. Throws Error:
///   transient ("graph_unavailable") – Graph failed for all of them
///   denied ("graph_not_permitted") – it refuses our token, or to list any of them
///   and as graph::Client does
std::vector<Look> look_at(graph::Client& client, const std::vector<Uuid>& groups,
                          const graph::CallContext& call);

/// One group: one read where it is there, two where it is not. That Graph fails for it is a look with status
/// 0; else throws as graph::Client does.
Look look_at(graph::Client& client, const Uuid& group, const graph::CallContext& call);

/// POST /directory/deletedItems/{id}/restore: the group with all it had, for 30 days after it was deleted.
graph::Response restore(graph::Client& client, const Uuid& group, const graph::CallContext& call);

}  // namespace rollcall::group_health
