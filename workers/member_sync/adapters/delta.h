#pragma once
#include "common/graph/client.h"

#include <map>
#include <string>
#include <vector>

/// GET /groups/delta (delta-query-groups): what one group's mirror and the sweeps' packs both follow.
namespace rollcall::member_sync {

/// A member of a type we cannot name counts as a user: it was written by an older service, or is the
/// sandbox's.
bool is_user(const Json& member);

/// Asks for a link that tells what changes in these groups' members from now on, and for nothing else.
std::string watch_path(const std::vector<Uuid>& groups);

/// What the pages of one round say of a group.
struct GroupChange {
  bool anew = false;             ///< deleted or restored: what was known of its members says nothing any more
  std::map<Uuid, bool> members;  ///< the last word on each user: is in it, is not
};
using GroupChanges = std::map<Uuid, GroupChange>;

/// Adds what a page says; false where it is none that can be followed: read fully.
bool take_delta_page(const Json& body, GroupChanges& changes);

/// One round of a delta link, read to its end.
struct DeltaRound {
  enum class State {
    read,
    refused,  ///< the link expired or was reset (410 or any 4xx), or what it says cannot be followed
    failed,   ///< Graph failed: the link may be tried again
  };
  State state = State::failed;
  std::string delta_link;  ///< of the next round
  GroupChanges groups;     ///< of a group with more changes than are worth holding: `anew`
};

/// Up to 20 rounds, their first pages in one batch. `urls`: delta links as they were kept, or watch_path().
/// Throws as graph::Client does where nothing can be sent at all.
std::vector<DeltaRound> read_rounds(graph::Client& client, const std::vector<std::string>& urls,
                                    const graph::CallContext& call);

}  // namespace rollcall::member_sync
