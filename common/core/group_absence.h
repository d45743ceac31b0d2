#pragma once
#include <chrono>
#include <string>
#include <string_view>

/// A group that Microsoft Graph does not find: deleted and restorable, gone, or only not seen yet. A 404 is
/// the same for all of them (group-get), so more than one question is asked before a reference is cleared.
namespace rollcall {

enum class GroupState {
  active,
  missing,  ///< not found, and whether for good cannot be told (yet)
  deleted,  ///< but can be restored
  gone,     ///< for good
};
const char* to_string(GroupState state);

/// One look at a group that was not found: the statuses of GET /groups/{id} and of
/// GET /directory/deletedItems/{id}.
struct GroupLook {
  int group = 0;
  int deleted = 0;
};
/// So long after it was linked a group may be unknown to a replica that lags behind: 404 was seen for up to
/// 11 minutes after a group was created.
inline constexpr std::chrono::minutes replication_max{15};
/// Two looks, a moment apart. Gone is only what neither look found anywhere, with the link old enough.
GroupState judge_group(const GroupLook& first, const GroupLook& second, std::chrono::seconds linked_for);

/// The end of the 30 days in which a deleted group can be restored, from its deletedDateTime; empty where
/// that cannot be read.
std::string restorable_until(std::string_view deleted_at);

}  // namespace rollcall
