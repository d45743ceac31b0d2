#include "common/auth/caller.h"

#include <algorithm>

namespace rollcall::auth {

bool Caller::has_role(std::string_view role) const {
  return std::ranges::find(roles, role) != roles.end();
}

bool Caller::has_scope(std::string_view scope) const {
  return std::ranges::find(scopes, scope) != scopes.end();
}

std::string Caller::identity() const {
  return tenant_id + "/" + object_id;
}

}  // namespace rollcall::auth
