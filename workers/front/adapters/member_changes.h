#pragma once
#include "common/directory/organizations.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"

#include <string>
#include <vector>

/// Changes of one member by hand, from before Graph is asked until what came of it is on record: a front that
/// dies in between leaves what it meant to do behind, for any front to tell the audit trail.
namespace rollcall::front {

/// A member change that stands: believed by the next sync over a listing that lags behind, and told to the
/// audit trail in member-sync's words where it was ours.
struct MemberChange {
  Uuid member;
  bool present = false;
  bool ours = false;
  std::string graph_request_id;
};

/// Before Graph is asked, in a transaction of its own. Returns what the other two go by.
Uuid begin_member_change(postgres::Database& database, const directory::Organization& organization,
                         const Uuid& group, const Uuid& member, bool present, const std::string& actor);
/// Nothing was changed, and that is certain.
void drop_member_change(postgres::Database& database, const Uuid& change);
/// What came of it.
std::vector<runs::Stored> record_member_change(postgres::Transaction& transaction, const Uuid& begun,
                                               const directory::Organization& organization, const Uuid& group,
                                               const MemberChange& change, const directory::Asker& asker);
/// Tells the audit trail of those that began too long ago for anybody to be still at work on them:
/// member_change_unknown.
std::vector<runs::Stored> settle_abandoned_changes(postgres::Transaction& transaction, WallTime now);

}  // namespace rollcall::front
