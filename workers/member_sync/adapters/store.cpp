#include "workers/member_sync/adapters/store.h"

#include "workers/member_sync/adapters/blocks.h"
#include "workers/member_sync/adapters/full_read.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace rollcall::member_sync {
namespace {

using postgres::value;

Ids read_mirror(postgres::Transaction& transaction, const Uuid& organization) {
  Ids ids;
  transaction.each("SELECT object_id FROM sync.group_members WHERE organization_id = $1 ORDER BY object_id",
                   {value(organization)}, [&](const postgres::Row& row) { ids.push_back(row.uuid(0)); });
  return ids;
}

/// A mirror of another group, linked before, says nothing about this one; nor do our writes to it.
void drop_other_group(postgres::Transaction& transaction, const Uuid& organization, const Uuid& group) {
  const long dropped =
      transaction.execute("DELETE FROM sync.groups WHERE organization_id = $1 AND group_id <> $2",
                          {value(organization), value(group)});
  if (dropped > 0)
    transaction.execute("DELETE FROM sync.recent_writes WHERE organization_id = $1", {value(organization)});
}

void save_group(postgres::Transaction& transaction, const Uuid& organization, const Uuid& group,
                const GroupReading& reading) {
  transaction.execute(
      "INSERT INTO sync.groups AS g (organization_id, group_id, display_name, delta_link, delta_link_at, "
      "full_read_at, member_count) "
      "VALUES ($1, $2, $3, nullif($4::text, ''), now(), now(), $5) "
      "ON CONFLICT (organization_id) DO UPDATE SET display_name = excluded.display_name, "
      "delta_link = excluded.delta_link, delta_link_at = excluded.delta_link_at, member_count = "
      "excluded.member_count, "
      "full_read_at = CASE WHEN $6::boolean THEN excluded.full_read_at ELSE g.full_read_at END",
      {value(organization), value(group), value(reading.display_name), value(reading.delta_link),
       value(static_cast<long>(reading.members.size())), value(reading.full)});
}

}  // namespace

std::optional<Organization> Store::organization(const Uuid& id) {
  const auto rows = database_.query(
      "SELECT tenant_id, microsoft_group, removal_policy, guards, roster_version FROM "
      "directory.organizations WHERE id = $1",
      {value(id)});
  if (rows.empty()) return std::nullopt;
  const postgres::Row& row = rows.front();
  Organization organization;
  organization.id = id;
  organization.tenant_id = row.text(0);
  if (!row.is_null(1)) organization.group = row.uuid(1);
  organization.policy = removal_policy(row.text(2));
  organization.guards = guards_from_json(row.json(3));
  organization.roster_version = row.number(4);
  return organization;
}

std::vector<Uuid> Store::linked_organizations(const std::string& tenant, const std::optional<Uuid>& only) {
  return database_.transact([&](postgres::Transaction& transaction) {
    std::vector<Uuid> ids;
    transaction.each(
        "SELECT id FROM directory.organizations WHERE microsoft_group IS NOT NULL AND ($1::text = '' OR "
        "tenant_id = $1::text) "
        "AND ($2::uuid IS NULL OR id = $2::uuid) ORDER BY id",
        {value(tenant), value(only)}, [&](const postgres::Row& row) { ids.push_back(row.uuid(0)); });
    return ids;
  });
}

Roster Store::roster(const Uuid& organization, const std::string& tenant) {
  Roster roster = database_.transact([&](postgres::Transaction& transaction) {
    Roster read;
    // The address travels only where it is needed: most rows are 16 bytes here.
    transaction.each(
        "SELECT coalesce(m.object_id, i.object_id), m.departed_at IS NOT NULL, "
        "CASE WHEN coalesce(m.object_id, i.object_id) IS NULL THEN m.email END "
        "FROM directory.members m LEFT JOIN sync.identities i "
        "ON m.object_id IS NULL AND i.tenant_id = $2 AND i.address = m.email WHERE m.organization_id = $1",
        {value(organization), value(tenant)}, [&](const postgres::Row& row) {
          const bool departed = row.flag(1);
          if (!row.is_null(0))
            (departed ? read.departed : read.ids).push_back(row.uuid(0));
          else if (!departed)
            read.open_addresses.push_back(row.text(2));
        });
    return read;
  });
  normalize(roster.ids);
  normalize(roster.departed);
  return roster;
}

void Store::save_identities(const std::string& tenant, const std::vector<Resolution>& resolutions) {
  for_blocks(resolutions.size(), [&](std::size_t first, std::size_t last) {
    std::vector<std::string> addresses, states;
    std::vector<postgres::Value> ids;
    for (std::size_t i = first; i < last; ++i) {
      const Resolution& one = resolutions[i];
      addresses.push_back(one.address);
      states.emplace_back(to_string(one.state));
      ids.push_back(one.state == AddressState::resolved ? value(one.candidates.front()) : postgres::Value{});
    }
    database_.execute(
        "INSERT INTO sync.identities (tenant_id, address, state, object_id, resolved_at) "
        "SELECT $1, u.address, u.state, u.id, now() FROM unnest($2::text[], $3::text[], $4::uuid[]) AS "
        "u(address, state, id) "
        "ORDER BY u.address ON CONFLICT (tenant_id, address) DO UPDATE "
        "SET state = excluded.state, object_id = excluded.object_id, resolved_at = excluded.resolved_at",
        {value(tenant), postgres::array(addresses), postgres::array(states), postgres::array(ids)});
  });
}

void Store::forget_identities(const std::string& tenant, const Ids& ids) {
  for_blocks(ids.size(), [&](std::size_t first, std::size_t last) {
    database_.execute("DELETE FROM sync.identities WHERE tenant_id = $1 AND object_id = ANY($2::uuid[])",
                      {value(tenant), postgres::array(block(ids, first, last))});
  });
}

Kept Store::kept(const Uuid& organization, const Uuid& group, std::chrono::milliseconds full_read_interval) {
  return database_.transact([&](postgres::Transaction& transaction) {
    Kept kept;
    const std::string sql =
        "SELECT floor(extract(epoch FROM now()) * 1000)::bigint, g.organization_id, g.delta_link, " +
        full_read_due("$3") +
        " FROM (VALUES (1)) AS one LEFT JOIN sync.groups g ON g.organization_id = $1 AND g.group_id = $2";
    const postgres::Row row = transaction
                                  .query(sql, {value(organization), value(group),
                                               value(static_cast<long>(full_read_interval.count()))})
                                  .front();
    kept.read_at = WallTime{std::chrono::milliseconds{row.number(0)}};
    if (row.is_null(1)) return kept;
    kept.mirror.delta_link = row.text(2);
    kept.full_read_due = row.flag(3);
    kept.mirror.members = read_mirror(transaction, organization);
    return kept;
  });
}

std::vector<RecentWrite> Store::recent_writes(const Uuid& organization, const Uuid& group,
                                              std::chrono::milliseconds hold_off) {
  return database_.transact([&](postgres::Transaction& transaction) {
    std::vector<RecentWrite> writes;
    transaction.each(
        "SELECT w.object_id, w.present FROM sync.recent_writes w LEFT JOIN sync.groups g USING "
        "(organization_id) WHERE w.organization_id = $1 AND coalesce(g.group_id, $2) = $2 AND w.written_at > "
        "now() - $3::bigint * interval "
        "'1 millisecond'",
        {value(organization), value(group), value(static_cast<long>(hold_off.count()))},
        [&](const postgres::Row& row) {
          writes.push_back({row.uuid(0), row.flag(1)});
        });
    return writes;
  });
}

void save_reading(postgres::Transaction& transaction, const Uuid& organization, const Uuid& group,
                  const GroupReading& reading, const Ids& mirror_before) {
  drop_other_group(transaction, organization, group);
  save_group(transaction, organization, group, reading);
  Ids gone, fresh;
  std::ranges::set_difference(mirror_before, reading.members, std::back_inserter(gone));
  std::ranges::set_difference(reading.members, mirror_before, std::back_inserter(fresh));
  for_blocks(gone.size(), [&](std::size_t first, std::size_t last) {
    transaction.execute(
        "DELETE FROM sync.group_members WHERE organization_id = $1 AND object_id = ANY($2::uuid[])",
        {value(organization), postgres::array(block(gone, first, last))});
  });
  for_blocks(fresh.size(), [&](std::size_t first, std::size_t last) {
    transaction.execute(
        "INSERT INTO sync.group_members (organization_id, object_id) SELECT $1, unnest($2::uuid[]) ON "
        "CONFLICT DO NOTHING",
        {value(organization), postgres::array(block(fresh, first, last))});
  });
}

}  // namespace rollcall::member_sync
