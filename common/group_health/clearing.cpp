#include "common/group_health/findings.h"

namespace rollcall::group_health {

using postgres::value;

Cleared clear_reference(postgres::Transaction& transaction, const Uuid& organization_id, const Uuid& group,
                        const AbsenceLimits& limits, const directory::Asker& asker) {
  const auto organization = directory::lock_organization(transaction, organization_id);
  const auto health = find(transaction, organization_id);
  if (organization.group != group || !health || health->group != group || !health->missing_since) return {};
  // One at a time: each counts what the others removed.
  transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('group_health ' || $1, 0))",
                    {value(organization.tenant_id)});
  if (note_absence(transaction, organization.tenant_id, limits)) return {Clearing::suspicious, {}};
  Cleared cleared{Clearing::cleared,
                  directory::set_group(
                      transaction, organization_id, std::nullopt, asker,
                      {{"reason", "group_gone"}, {"missing_since", to_rfc3339(*health->missing_since)}})};
  Verdict gone;
  gone.state = State::gone;
  gone.reason = "group_gone";
  gone.message = "the group no longer exists; the organization's link to it was removed";
  transaction.execute(
      "UPDATE sync.group_health SET state = $2, reason = $3, message = $4, since = now(), checked_at = "
      "now(), "
      "missing_since = NULL, restorable_until = NULL, owners = NULL WHERE organization_id = $1::uuid",
      {value(organization_id), value(to_string(gone.state)), value(gone.reason), value(gone.message)});
  tell(transaction, {{organization_id, organization.tenant_id, Before{group, health->state, health->reason},
                      group, &gone}});
  return cleared;
}

}  // namespace rollcall::group_health
