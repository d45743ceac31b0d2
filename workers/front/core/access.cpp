#include "workers/front/core/access.h"

namespace rollcall::front {

bool administers(std::string_view role) {
  return role == "admin" || role == "owner";
}

Verdict judge(Access access, const Standing& standing) {
  if (!standing.same_tenant) return Verdict::invisible;
  if (standing.operates || access == Access::anyone) return Verdict::allowed;
  if (!standing.role) return Verdict::invisible;
  switch (access) {
    case Access::anyone:
    case Access::signed_in:
    case Access::organization_member:
      return Verdict::allowed;
    case Access::organization_admin:
      return administers(*standing.role) ? Verdict::allowed : Verdict::forbidden;
    case Access::operator_only:
      break;
  }
  return Verdict::forbidden;
}

Verdict judge(Access access, bool operates) {
  return access == Access::operator_only && !operates ? Verdict::forbidden : Verdict::allowed;
}

}  // namespace rollcall::front
