#include "common/crypto/crypto.h"
#include "common/directory/roster.h"
#include "common/runs/audit.h"
#include "common/runs/blocks.h"

/// Rosters, one person at a time.
namespace rollcall::directory {
namespace {

using postgres::value;

struct Known {
  RosterMember member;
  bool departed = false;
};

std::optional<Known> find_member(postgres::Transaction& transaction, const Uuid& organization,
                                 const std::string& email) {
  const auto rows = transaction.query(
      "SELECT display_name, role, object_id, departed_at IS NOT NULL FROM directory.members WHERE "
      "organization_id = $1::uuid AND email = $2",
      {value(organization), value(email)});
  if (rows.empty()) return std::nullopt;
  Known known{{email, rows[0].text(0), rows[0].text(1), std::nullopt}, rows[0].flag(3)};
  if (!rows[0].is_null(2)) known.member.object_id = rows[0].uuid(2);
  return known;
}

void refuse_taken_object(postgres::Transaction& transaction, const Uuid& organization,
                         const RosterMember& member) {
  if (!member.object_id) return;
  const auto rows = transaction.query(
      "SELECT email FROM directory.members WHERE organization_id = $1::uuid AND object_id = $2::uuid AND "
      "email <> $3 AND departed_at IS NULL LIMIT 1",
      {value(organization), value(member.object_id), value(member.email)});
  if (rows.empty()) return;
  throw Error(Fault::conflict, "object_id_taken",
              "the object id is " + in_quotes(rows[0].text(0)) + "'s on this roster");
}

/// What every change of one person leaves behind. No address in the audit trail: object ids only.
void finish(postgres::Transaction& transaction, const Organization& organization, const std::string& action,
            MemberChanged& change, const Asker& asker) {
  change.roster_version =
      transaction
          .query(
              "UPDATE directory.organizations SET roster_version = roster_version + 1, updated_at = now()"
              " WHERE id = $1::uuid RETURNING roster_version",
              {value(organization.id)})[0]
          .number(0);
  change.stored.push_back(runs::store_audit(transaction,
                                            {.tenant_id = organization.tenant_id,
                                             .actor = asker.actor,
                                             .action = action,
                                             .organization_id = organization.id,
                                             .group_id = organization.group,
                                             .detail = {{"roster_version", change.roster_version}},
                                             .member_object_id = change.member.object_id},
                                            asker.now));
  change.stored.push_back(
      announce_roster(transaction, organization.id, change.roster_version, asker.now));
}

}  // namespace

MemberChanged put_member(postgres::Transaction& transaction, const Uuid& organization,
                         const MemberChange& change, const Asker& asker) {
  const Organization locked = lock_organization(transaction, organization);
  const auto known = find_member(transaction, organization, change.member.email);
  MemberChanged done;
  done.member = change.member;
  if (known && !change.names_object_id) done.member.object_id = known->member.object_id;
  done.roster_version = locked.roster_version;
  done.added = !known || known->departed;
  done.changed = !done.added && known->member != done.member;
  if (!done.added && !done.changed) return done;
  refuse_taken_object(transaction, organization, done.member);
  transaction.execute(
      "INSERT INTO directory.members AS m (organization_id, email, display_name, role, object_id) VALUES "
      "($1::uuid, $2, $3, $4, $5::uuid) ON CONFLICT (organization_id, email) DO UPDATE SET display_name = "
      "excluded.display_name, role = excluded.role, object_id = excluded.object_id, departed_at = NULL, "
      "joined_at = CASE WHEN m.departed_at IS NULL THEN m.joined_at ELSE now() END",
      {value(organization), value(done.member.email), value(done.member.display_name),
       value(done.member.role), value(done.member.object_id)});
  const auto* const action = done.added ? "roster_member_added" : "roster_member_changed";
  finish(transaction, locked, action, done, asker);
  return done;
}

MemberChanged depart_member(postgres::Transaction& transaction, const Uuid& organization,
                            const std::string& email, const Asker& asker) {
  const Organization locked = lock_organization(transaction, organization);
  const auto known = find_member(transaction, organization, email);
  if (!known)
    throw Error(Fault::not_found, "roster_member_not_found", in_quotes(email) + " is not on the roster");
  MemberChanged done;
  done.member = known->member;
  done.roster_version = locked.roster_version;
  done.changed = !known->departed;
  if (!done.changed) return done;
  transaction.execute(
      "UPDATE directory.members SET departed_at = now() WHERE organization_id = $1::uuid AND email = $2",
      {value(organization), value(email)});
  finish(transaction, locked, "roster_member_departed", done, asker);
  return done;
}

runs::Stored announce_roster(postgres::Transaction& transaction, const Uuid& organization,
                             long roster_version, WallTime now) {
  const std::string id = organization.to_string();
  return runs::store(transaction, {runs::make_message("rollcall.roster-events", id, "rollcall.roster-event.v1",
                                                      crypto::new_uuid().to_string(),
                                                      {{"organization_id", id},
                                                       {"event", "changed"},
                                                       {"at", to_rfc3339(now)},
                                                       {"roster_version", roster_version}},
                                                      now)});
}

}  // namespace rollcall::directory
