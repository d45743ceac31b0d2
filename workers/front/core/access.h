#pragma once
#include "workers/front/core/operation.h"

#include <optional>
#include <string>
#include <string_view>

namespace rollcall::front {

/// The app role that opens every organization of the tenant and what belongs to none.
inline constexpr std::string_view operator_role = "Rollcall.Admin";

/// What the caller is to the organization that a path names.
struct Standing {
  bool operates = false;            ///< has the app role
  bool same_tenant = false;         ///< the organization is of the caller's tenant
  std::optional<std::string> role;  ///< on its roster, as a current member
};

enum class Verdict { allowed, forbidden, invisible };

/// Whether this role on a roster is an admin's: "admin" or "owner".
bool administers(std::string_view role);

/// Decides for an operation whose path names an organization. Invisible where the caller has no business with
/// the organization: it must look as if it did not exist.
Verdict judge(Access access, const Standing& standing);
/// The same for an operation that names none.
Verdict judge(Access access, bool operates);

}  // namespace rollcall::front
