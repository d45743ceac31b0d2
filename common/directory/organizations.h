#pragma once
#include "common/core/clock.h"
#include "common/core/error.h"
#include "common/core/ids.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"

#include <optional>
#include <string>
#include <vector>

/// Organizations and their rosters as people and programs change them: free functions over a transaction.
/// Each change leaves its audit event in the outbox of the same transaction.
namespace rollcall::directory {

struct Organization {
  Uuid id;
  std::string tenant_id, name, removal_policy;
  std::optional<Uuid> group;  ///< the Microsoft 365 group it is linked to
  long roster_version = 0;
};

/// Who asks, as the audit trail keeps it ("cli", or "<tid>/<oid>"), and when.
struct Asker {
  std::string actor;
  WallTime now;
};

std::optional<Organization> find_organization(postgres::Transaction& transaction, const Uuid& id);
/// All of a tenant that have this name, in either case; at most 20.
std::vector<Organization> organizations_named(postgres::Transaction& transaction, const std::string& tenant,
                                              const std::string& name);
/// Takes the row's lock, so that two changes of one organization at once do not count over each other. Throws
/// Error{not_found, "organization_not_found"} where it was removed meanwhile.
Organization lock_organization(postgres::Transaction& transaction, const Uuid& id);

/// What is wrong with a name for an organization; empty where nothing is.
std::string name_mistake(const std::string& name);

/// Adds one; the audit event is left in `stored`. `id`: nothing for a fresh one; one that is there already under
/// the same tenant and name is what an earlier try made, and nothing is stored.
struct Added {
  Organization organization;
  std::vector<runs::Stored> stored;
};
Added add_organization(postgres::Transaction& transaction, const std::optional<Uuid>& id,
                       const std::string& tenant, const std::string& name, const Asker& asker);

/// Nothing is stored where that is its name already.
std::vector<runs::Stored> rename_organization(postgres::Transaction& transaction, const Uuid& organization,
                                              const std::string& name, const Asker& asker);

/// Sets or clears the group; what stands already is left alone, and nothing is stored. `detail`: what the
/// audit event says besides. Whatever was known of
/// another group is forgotten. Throws Error{conflict, "group_linked_elsewhere"} where another organization of
/// the tenant has it: two rosters for one group would undo each other for ever. Two at once: the unique
/// index lets one through, and the other hears Error{conflict, "database_conflict"}, which
/// `transact_link` puts into the same words.
std::vector<runs::Stored> set_group(postgres::Transaction& transaction, const Uuid& organization,
                                    const std::optional<Uuid>& group, const Asker& asker,
                                    const Json& detail = Json::object());

/// keep, remove-departed or mirror; nothing is stored where it is so already. The one before is returned.
struct PolicyChange {
  std::string before;
  std::vector<runs::Stored> stored;
};
PolicyChange set_removal_policy(postgres::Transaction& transaction, const Uuid& organization,
                                const std::string& policy, const Asker& asker);

/// The Error that transact_link() throws for a conflict of two at once.
[[noreturn]] void throw_linked_just_now(const Uuid& group);

/// Runs `work`, which sets that group, in a transaction.
template <class Work>
auto transact_link(postgres::Database& database, const Uuid& group, Work work) {
  try {
    return database.transact(work);
  } catch (const Error& error) {
    if (error.code() != "database_conflict") throw;
    throw_linked_just_now(group);
  }
}

}  // namespace rollcall::directory
