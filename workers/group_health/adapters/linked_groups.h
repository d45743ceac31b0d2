#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/postgres/postgres.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

/// Which groups are linked, and what became of those that were found nowhere.
namespace rollcall::group_health {

struct Linked {
  Uuid organization, group;
};
/// The tenant's organizations with a group that come after `after`, by id, at most `limit`.
std::vector<Linked> linked_after(postgres::Database& database, const std::string& tenant, const Uuid& after,
                                 std::size_t limit);
std::size_t count_linked(postgres::Database& database, const std::string& tenant);
/// By the database's clock, which stamps every look.
WallTime time_of_database(postgres::Database& database);

/// A linked group that the last look, at or after `since`, found nowhere.
struct Missing {
  Uuid organization, group;
  std::string tenant;
  std::chrono::milliseconds missing_for{0};  ///< between the first such look and the last
  std::chrono::seconds linked_for{0};        ///< no less than the link's age
};
/// Of the tenant, or of one organization where `only` is not nil.
std::vector<Missing> missing_since(postgres::Database& database, const std::string& tenant, const Uuid& only,
                                   WallTime since);

/// How many groups are in which state, of the tenant's linked ones.
std::map<std::string, long> count_states(postgres::Database& database, const std::string& tenant);

}  // namespace rollcall::group_health
