#pragma once
#include "common/core/group_health.h"
#include "common/core/json.h"

#include <string>

namespace rollcall::group_health {

/// What was asked of Microsoft Graph about one group, and what it answered.
struct Look {
  int status = 0;   ///< of the group itself; 0: no answer
  Json properties;  ///< with its owners, where they were to be had
  std::string message;
  int deleted_status = 0;  ///< of the same id among what was deleted; 0: not asked, or no answer
  std::string deleted_at;  ///< its deletedDateTime
};

/// `may_change_privileged`: the app holds RoleManagement.ReadWrite.Directory, without which the members of a
/// group that roles can be assigned to are not to be changed (group-post-members).
Verdict judge(const Look& look, bool may_change_privileged);

}  // namespace rollcall::group_health
