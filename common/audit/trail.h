#pragma once
#include "common/audit/verifier.h"
#include "common/core/clock.h"
#include "common/postgres/postgres.h"

#include <functional>
#include <optional>
#include <string>

/// The trail as PostgreSQL holds it.
namespace rollcall::audit {

std::string trail_id(postgres::Transaction& transaction);
std::vector<Head> heads(postgres::Transaction& transaction);
/// The seal that a chain's head names; nothing where the chain has none or it is gone.
std::optional<Seal> last_seal(postgres::Transaction& transaction, const Head& head);

using Roots = std::map<std::int64_t, std::map<std::int64_t, std::string>>;

/// Holds seals and rows against each other and, where it is given, against the published roots; in one
/// snapshot and in constant memory. `since`: only what was sealed from then on.
Tally verify(postgres::Database& database, const std::optional<Roots>& published,
             const std::optional<WallTime>& since, const std::function<void(const Finding&)>& report);

}  // namespace rollcall::audit
