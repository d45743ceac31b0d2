#include "workers/group_health/adapters/linked_groups.h"

namespace rollcall::group_health {

using postgres::value;

std::vector<Linked> linked_after(postgres::Database& database, const std::string& tenant, const Uuid& after,
                                 std::size_t limit) {
  std::vector<Linked> linked;
  for (const auto& row : database.query(
           "SELECT id, microsoft_group FROM directory.organizations WHERE tenant_id = $1 AND microsoft_group "
           "IS NOT NULL AND id > $2::uuid ORDER BY id LIMIT $3::bigint",
           {value(tenant), value(after), value(static_cast<long>(limit))}))
    linked.push_back({row.uuid(0), row.uuid(1)});
  return linked;
}

std::size_t count_linked(postgres::Database& database, const std::string& tenant) {
  return static_cast<std::size_t>(
      database
          .query("SELECT count(*) FROM directory.organizations WHERE tenant_id = $1 AND microsoft_group IS "
                 "NOT NULL",
                 {value(tenant)})
          .at(0)
          .number(0));
}

WallTime time_of_database(postgres::Database& database) {
  return WallTime{std::chrono::milliseconds{
      database.query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").at(0).number(0)}};
}

std::vector<Missing> missing_since(postgres::Database& database, const std::string& tenant, const Uuid& only,
                                   WallTime since) {
  std::vector<Missing> missing;
  for (const auto& row : database.query(
           "SELECT h.organization_id, h.group_id, o.tenant_id, (extract(epoch FROM h.checked_at - "
           "h.missing_since) * 1000)::bigint, extract(epoch FROM now() - o.updated_at)::bigint FROM "
           "sync.group_health h JOIN directory.organizations o ON o.id = h.organization_id AND "
           "o.microsoft_group = h.group_id WHERE h.tenant_id = $1 AND h.missing_since IS NOT NULL AND "
           "h.checked_at >= $2::timestamptz AND ($3::uuid IS NULL OR h.organization_id = $3::uuid) ORDER BY "
           "h.organization_id",
           {value(tenant), value(since), only.is_nil() ? postgres::Value{} : value(only)}))
    missing.push_back({row.uuid(0), row.uuid(1), row.text(2), std::chrono::milliseconds{row.number(3)},
                       std::chrono::seconds{row.number(4)}});
  return missing;
}

std::map<std::string, long> count_states(postgres::Database& database, const std::string& tenant) {
  std::map<std::string, long> states;
  for (const auto& row : database.query(
           "SELECT h.state, count(*) FROM sync.group_health h JOIN directory.organizations o ON o.id = "
           "h.organization_id AND o.microsoft_group = h.group_id WHERE o.tenant_id = $1 GROUP BY h.state",
           {value(tenant)}))
    states[row.text(0)] = row.number(1);
  return states;
}

}  // namespace rollcall::group_health
