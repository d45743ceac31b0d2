#pragma once
#include "common/core/json.h"
#include "common/postgres/postgres.h"
#include "workers/front/adapters/page.h"
#include "workers/front/adapters/sight.h"

#include <string>

namespace rollcall::front {

/// By lower-case name, then id; `name`: a part of it, in either case, empty for all.
Page list_organizations(postgres::Database& database, const Sight& sight, const std::string& name,
                        const Position& position, long limit);
/// An organization as it is shown. It must exist.
Json organization_document(postgres::Transaction& transaction, const Uuid& id);

/// The roster by email (its position), with what resolution made of each address.
Page list_roster(postgres::Transaction& transaction, const Uuid& organization, const Position& position,
                 long limit);

}  // namespace rollcall::front
