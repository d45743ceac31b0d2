#pragma once
#include "common/config/settings.h"
#include "common/core/group_health.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/directory/organizations.h"
#include "common/postgres/postgres.h"

#include <optional>
#include <string>
#include <vector>

/// How the linked groups are, in PostgreSQL: free functions over a transaction. Findings open and close in
/// the transaction that stores what they rest on.
namespace rollcall::group_health {

/// What was seen last of an organization's group: the linked one, or, where none is linked, the one before.
struct Health {
  Uuid group;
  State state = State::unreachable;
  std::string reason, message;
  WallTime since, checked_at;
  std::optional<WallTime> missing_since;  ///< the first look that found it nowhere
  std::optional<WallTime> restorable_until;
  std::optional<long> owners;
};
/// Nothing where it was never looked at.
std::optional<Health> find(postgres::Transaction& transaction, const Uuid& organization);
Json to_json(const Health& health);

struct Checked {
  Uuid organization, group;
  Verdict verdict;
};
/// Organizations that have another group by now, or none, are passed over. Returns how many were stored.
std::size_t save(postgres::Transaction& transaction, const std::vector<Checked>& checked);

/// Removes the link to a group that is gone for good, with its audit event and its finding; the group stands
/// in its row as one that can be linked again. What save() stored last about it must be that it is nowhere.
enum class Clearing {
  cleared,
  kept,        ///< the organization has another group by now
  suspicious,  ///< too many at once: nothing is removed, a finding says so
};
struct Cleared {
  Clearing outcome = Clearing::kept;
  std::vector<runs::Stored> stored;
};
Cleared clear_reference(postgres::Transaction& transaction, const Uuid& organization, const Uuid& group,
                        const AbsenceLimits& limits, const directory::Asker& asker);

/// Whether so many groups of the tenant are absent that no link may be removed. Opens the finding, or closes
/// it.
bool note_absence(postgres::Transaction& transaction, const std::string& tenant, const AbsenceLimits& limits);

/// Microsoft Graph shows us nothing of the tenant at all, or does again: `reason` is empty then.
void note_access(postgres::Transaction& transaction, const std::string& tenant, const std::string& reason,
                 const std::string& message);

/// The organizations' findings about groups that are no longer linked mean nothing any more; but that one is
/// gone does.
void forget_unlinked(postgres::Transaction& transaction, const std::string& tenant);
/// All of one organization.
void forget(postgres::Transaction& transaction, const Uuid& organization);

/// ROLLCALL_GROUP_GONE_SHARE, the same for every process that removes links.
AbsenceLimits load_absence_limits(config::Settings& settings);

}  // namespace rollcall::group_health
