#pragma once
#include "common/core/address_resolver.h"
#include "common/postgres/postgres.h"
#include "workers/member_sync/adapters/graph_group.h"
#include "workers/member_sync/core/guards.h"
#include "workers/member_sync/core/plan.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::member_sync {

struct Organization {
  Uuid id;
  std::string tenant_id;
  std::optional<Uuid> group;
  RemovalPolicy policy = RemovalPolicy::keep;
  Guards guards;
  long roster_version = 0;
};

struct Roster {
  Ids ids;                                  ///< sorted
  Ids departed;                             ///< sorted
  std::vector<std::string> open_addresses;  ///< of present people without a known object id
};

/// What is known of a group from last time.
struct Kept {
  KeptMirror mirror;
  bool full_read_due = true;
  WallTime read_at{};  ///< the database's time now
};

/// Roster, identities and the mirror in PostgreSQL. Stateless: safe from any thread.
class Store {
 public:
  explicit Store(postgres::Database& database) : database_(database) {}

  std::optional<Organization> organization(const Uuid& id);
  /// Every organization of the tenant with a linked group; or `only` that one.
  std::vector<Uuid> linked_organizations(const std::string& tenant, const std::optional<Uuid>& only);
  /// Object ids the roster names win over resolved ones.
  Roster roster(const Uuid& organization, const std::string& tenant);

  void save_identities(const std::string& tenant, const std::vector<Resolution>& resolutions);
  /// These accounts are gone: their addresses are resolved anew in the next run.
  void forget_identities(const std::string& tenant, const Ids& ids);

  Kept kept(const Uuid& organization, const Uuid& group, std::chrono::milliseconds full_read_interval);
  std::vector<RecentWrite> recent_writes(const Uuid& organization, const Uuid& group,
                                         std::chrono::milliseconds hold_off);

 private:
  postgres::Database& database_;
};

/// Writes what was read, as the difference to what the mirror holds. An empty delta link is kept as "none".
void save_reading(postgres::Transaction& transaction, const Uuid& organization, const Uuid& group,
                  const GroupReading& reading, const Ids& mirror_before);

}  // namespace rollcall::member_sync
