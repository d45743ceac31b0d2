#pragma once
#include "common/auth/caller.h"
#include "common/directory/organizations.h"
#include "common/postgres/postgres.h"
#include "workers/front/core/access.h"

#include <optional>

namespace rollcall::front {

struct Found {
  directory::Organization organization;
  Standing standing;
};

/// The organization and what the caller is to it: a person is on its roster by the object id that the roster
/// names or that its address resolved to. Nothing where there is none.
std::optional<Found> find_standing(postgres::Database& database, const Uuid& organization,
                                   const auth::Caller& caller);

/// SQL (a condition on an organization's id) for what the caller administers: `$n` is Caller::object_id, and
/// `$n+1` its tenant.
std::string administered_condition(const std::string& column, int parameter);

}  // namespace rollcall::front
