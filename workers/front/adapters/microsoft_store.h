#pragma once
#include "common/directory/organizations.h"
#include "common/postgres/postgres.h"

#include <chrono>
#include <optional>
#include <string>

/// What the Microsoft endpoints keep and change in PostgreSQL.
namespace rollcall::front {

/// What the last sync left behind of a group.
struct KeptGroup {
  std::string display_name;
  std::optional<long> member_count;
  std::optional<WallTime> synced_at;
  /// Since the link, or anything else of the organization, was changed last: no less than the link's age is
  /// needed, and never more is said.
  std::chrono::seconds linked_for{0};
};
KeptGroup kept_group(postgres::Database& database, const Uuid& organization, const Uuid& group);

/// A group is made for an organization by one caller at a time, and under one name until it is known whether
/// it was made: whoever tries again, with an Idempotency-Key or without, goes on with the same one. Returns
/// the intention to go by, `intent` where there is none yet. Throws Refused (409, idempotency_in_progress).
Uuid begin_creation(postgres::Database& database, const Uuid& organization, const Uuid& intent);
/// The attempt is over, and what came of it may not be known.
void pause_creation(postgres::Database& database, const Uuid& organization);
/// The group is made and linked.
void end_creation(postgres::Transaction& transaction, const Uuid& organization);

}  // namespace rollcall::front
