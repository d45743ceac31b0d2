#include "workers/front/adapters/microsoft_store.h"

#include "workers/front/api/call.h"

namespace rollcall::front {
namespace {

using postgres::value;

/// As one of the front's intentions, beside those of callers, which are named by "<tid>/<oid>".
std::string principal_of(const Uuid& organization) {
  return "organization/" + organization.to_string();
}

// Long enough for the slowest creation; a front that died in it lets go by time.
constexpr auto creation_lock = "2 minutes";
// A group whose creation was never heard of again is not looked for after that.
constexpr auto creation_kept = "30 days";

}  // namespace

KeptGroup kept_group(postgres::Database& database, const Uuid& organization, const Uuid& group) {
  const auto rows = database.query(
      "SELECT g.display_name, g.member_count, (extract(epoch FROM g.synced_at) * 1000)::bigint, "
      "extract(epoch FROM now() - o.updated_at)::bigint FROM directory.organizations o "
      "LEFT JOIN sync.groups g ON g.organization_id = o.id AND g.group_id = $2::uuid WHERE o.id = $1::uuid",
      {value(organization), value(group)});
  KeptGroup kept;
  if (rows.empty()) return kept;
  const auto& row = rows[0];
  kept.display_name = row.text(0);
  if (!row.is_null(1)) kept.member_count = row.number(1);
  if (!row.is_null(2)) kept.synced_at = WallTime{std::chrono::milliseconds{row.number(2)}};
  kept.linked_for = std::chrono::seconds{row.number(3)};
  return kept;
}

Uuid begin_creation(postgres::Database& database, const Uuid& organization, const Uuid& intent) {
  const auto rows = database.query(
      "INSERT INTO front.idempotency_keys AS k (principal, operation, key, fingerprint, intent, "
      "locked_until, expires_at) VALUES ($1, 'create_microsoft_group', 'open', '', $2::uuid, now() + "
      "$3::interval, now() + $4::interval) ON CONFLICT (principal, operation, key) DO UPDATE SET "
      "locked_until = excluded.locked_until WHERE k.locked_until < now() RETURNING intent",
      {value(principal_of(organization)), value(intent), value(creation_lock), value(creation_kept)});
  if (!rows.empty()) return rows[0].uuid(0);
  throw Refused({409,
                 "idempotency_in_progress",
                 "A group is being created for this organization at this moment.",
                 {},
                 std::chrono::seconds(2)});
}

void pause_creation(postgres::Database& database, const Uuid& organization) {
  database.execute(
      "UPDATE front.idempotency_keys SET locked_until = '-infinity' WHERE principal = $1 AND operation = "
      "'create_microsoft_group' AND key = 'open'",
      {value(principal_of(organization))});
}

void end_creation(postgres::Transaction& transaction, const Uuid& organization) {
  transaction.execute(
      "DELETE FROM front.idempotency_keys WHERE principal = $1 AND operation = 'create_microsoft_group'",
      {value(principal_of(organization))});
}

}  // namespace rollcall::front
