#include "workers/front/adapters/member_changes.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/runs/audit.h"

namespace rollcall::front {
namespace {

using postgres::value;

/// Longer than Graph is ever waited for, with all attempts.
constexpr auto abandoned_after = "2 minutes";

}  // namespace

Uuid begin_member_change(postgres::Database& database, const directory::Organization& organization,
                         const Uuid& group, const Uuid& member, bool present, const std::string& actor) {
  const auto id = crypto::new_uuid();
  database.execute(
      "INSERT INTO front.member_changes (id, tenant_id, organization_id, group_id, member_object_id, "
      "present, "
      "actor) VALUES ($1::uuid, $2, $3::uuid, $4::uuid, $5::uuid, $6::boolean, $7)",
      {value(id), value(organization.tenant_id), value(organization.id), value(group), value(member),
       value(present), value(actor)});
  return id;
}

void drop_member_change(postgres::Database& database, const Uuid& change) {
  database.execute("DELETE FROM front.member_changes WHERE id = $1::uuid", {value(change)});
}

std::vector<runs::Stored> record_member_change(postgres::Transaction& transaction, const Uuid& begun,
                                               const directory::Organization& organization, const Uuid& group,
                                               const MemberChange& change, const directory::Asker& asker) {
  transaction.execute("DELETE FROM front.member_changes WHERE id = $1::uuid", {value(begun)});
  // Only of the group that is linked still: what was written to another says nothing about this one.
  transaction.execute(
      "INSERT INTO sync.recent_writes (organization_id, object_id, present, written_at) SELECT id, "
      "$2::uuid, $3::boolean, now() FROM directory.organizations WHERE id = $1::uuid AND microsoft_group = "
      "$4::uuid ON CONFLICT (organization_id, object_id) DO UPDATE SET present = excluded.present, "
      "written_at = excluded.written_at",
      {value(organization.id), value(change.member), value(change.present), value(group)});
  if (!change.ours) return {};
  const auto* const action = change.present ? "member_added" : "member_removed";
  return {runs::store_audit(transaction,
                            {.tenant_id = organization.tenant_id,
                             .actor = asker.actor,
                             .action = action,
                             .organization_id = organization.id,
                             .group_id = group,
                             .member_object_id = change.member,
                             .graph_request_id = change.graph_request_id},
                            asker.now)};
}

std::vector<runs::Stored> settle_abandoned_changes(postgres::Transaction& transaction, WallTime now) {
  std::vector<runs::Stored> stored;
  for (const auto& row : transaction.query("DELETE FROM front.member_changes WHERE begun_at < now() - "
                                           "$1::interval RETURNING tenant_id, actor, "
                                           "organization_id, group_id, member_object_id, present, begun_at",
                                           {value(abandoned_after)})) {
    log::warn(
        "member_change_unknown",
        {{"organization_id", row.text(2)}, {"group_id", row.text(3)}, {"member_object_id", row.text(4)}});
    stored.push_back(
        runs::store_audit(transaction,
                          {.tenant_id = row.text(0),
                           .actor = row.text(1),
                           .action = "member_change_unknown",
                           .organization_id = row.uuid(2),
                           .group_id = row.uuid(3),
                           .detail = {{"asked_for", row.flag(5) ? "member_added" : "member_removed"},
                                      {"begun_at", row.text(6)}},
                           .member_object_id = row.uuid(4)},
                          now));
  }
  return stored;
}

}  // namespace rollcall::front
