#pragma once
#include "common/graph/client.h"
#include "workers/member_sync/core/plan.h"

#include <optional>
#include <string>

namespace rollcall::member_sync {

/// The group as Graph shows it, complete or not at all.
struct GroupReading {
  std::string display_name;
  Ids members;  ///< users, sorted
  Ids others;   ///< nested groups, devices, …: seen in a full read only, never removed, never flagged
  std::string delta_link;  ///< empty: none to be had
  bool full = true;        ///< every page was read; false: the kept mirror with the changes since
};

/// A mirror kept from last time with the link that tells what changed since.
struct KeptMirror {
  Ids members;  ///< sorted
  std::string delta_link;
};

/// Reads a group, through its delta link where `kept` has one that still works, else page by page. Throws
/// Error:
///   not_found ("group_not_found"); invalid ("group_dynamic", "group_on_premises",
///   "group_mail_enabled_security") transient ("listing_incomplete") – a part is missing: nobody may be
///   removed for not being in it denied ("graph_not_permitted"), and as graph::Client does
GroupReading read_group(graph::Client& client, const Uuid& group, const KeptMirror* kept,
                        const graph::CallContext& call);

/// Whether the group is there right now; throws where that cannot be told.
bool group_exists(graph::Client& client, const Uuid& group, const graph::CallContext& call);

}  // namespace rollcall::member_sync
