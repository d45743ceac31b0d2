#include "common/directory/organizations.h"

#include "common/runs/audit.h"

#include <algorithm>

namespace rollcall::directory {
namespace {

constexpr std::size_t name_max = 256;

constexpr auto select_organization =
    "SELECT id, tenant_id, name, removal_policy, microsoft_group, roster_version FROM "
    "directory.organizations ";

Organization read(const postgres::Row& row) {
  Organization organization{row.uuid(0), row.text(1), row.text(2), row.text(3), std::nullopt, row.number(5)};
  if (!row.is_null(4)) organization.group = row.uuid(4);
  return organization;
}

runs::Stored audit(postgres::Transaction& transaction, const Organization& organization,
                   const std::string& action, const std::optional<Uuid>& group, const Json& detail,
                   const Asker& asker) {
  return runs::store_audit(
      transaction, {organization.tenant_id, asker.actor, action, organization.id, group, detail}, asker.now);
}

void refuse_taken_group(postgres::Transaction& transaction, const Organization& organization,
                        const Uuid& group) {
  const auto rows = transaction.query(
      "SELECT id FROM directory.organizations WHERE tenant_id = $1 AND microsoft_group = $2::uuid AND "
      "id <> $3::uuid",
      {postgres::value(organization.tenant_id), postgres::value(group), postgres::value(organization.id)});
  if (rows.empty()) return;
  throw Error(Fault::conflict, "group_linked_elsewhere",
              "group " + group.to_string() + " is linked to another organization");
}

/// What the worker remembers of a group must not be believed of another.
void forget_mirror(postgres::Transaction& transaction, const Uuid& organization) {
  transaction.execute("DELETE FROM sync.groups WHERE organization_id = $1::uuid",
                      {postgres::value(organization)});
  transaction.execute("DELETE FROM sync.recent_writes WHERE organization_id = $1::uuid",
                      {postgres::value(organization)});
}

}  // namespace

std::optional<Organization> find_organization(postgres::Transaction& transaction, const Uuid& id) {
  const auto rows =
      transaction.query(std::string(select_organization) + "WHERE id = $1::uuid", {postgres::value(id)});
  if (rows.empty()) return std::nullopt;
  return read(rows[0]);
}

std::vector<Organization> organizations_named(postgres::Transaction& transaction, const std::string& tenant,
                                              const std::string& name) {
  std::vector<Organization> found;
  for (const auto& row :
       transaction.query(std::string(select_organization) +
                             "WHERE tenant_id = $1 AND lower(name) = lower($2) ORDER BY id LIMIT 20",
                         {postgres::value(tenant), postgres::value(name)}))
    found.push_back(read(row));
  return found;
}

Organization lock_organization(postgres::Transaction& transaction, const Uuid& id) {
  const auto rows = transaction.query(std::string(select_organization) + "WHERE id = $1::uuid FOR UPDATE",
                                      {postgres::value(id)});
  if (rows.empty())
    throw Error(Fault::not_found, "organization_not_found", "the organization does not exist any more");
  return read(rows[0]);
}

std::string name_mistake(const std::string& name) {
  const auto characters = std::ranges::count_if(name, [](unsigned char c) { return (c & 0xC0U) != 0x80U; });
  if (name.find_first_not_of(" \t\r\n") == std::string::npos ||
      static_cast<std::size_t>(characters) > name_max)
    return "a name has 1 to 256 characters";
  if (std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    return "the name holds control characters";
  return {};
}

std::vector<runs::Stored> set_group(postgres::Transaction& transaction, const Uuid& organization_id,
                                    const std::optional<Uuid>& group, const Asker& asker,
                                    const Json& detail) {
  const Organization organization = lock_organization(transaction, organization_id);
  if (organization.group == group) return {};
  if (group) refuse_taken_group(transaction, organization, *group);
  transaction.execute(
      "UPDATE directory.organizations SET microsoft_group = $2::uuid, updated_at = now() WHERE id = $1::uuid",
      {postgres::value(organization.id), postgres::value(group)});
  forget_mirror(transaction, organization.id);
  // A group that is linked no more stays known, so that it can be linked again.
  if (group)
    transaction.execute("DELETE FROM sync.group_health WHERE organization_id = $1::uuid",
                        {postgres::value(organization.id)});
  std::vector<runs::Stored> stored;
  if (organization.group)
    stored.push_back(audit(transaction, organization, "group_unlinked", organization.group, detail, asker));
  if (group) stored.push_back(audit(transaction, organization, "group_linked", group, detail, asker));
  return stored;
}

Added add_organization(postgres::Transaction& transaction, const std::optional<Uuid>& id,
                       const std::string& tenant, const std::string& name, const Asker& asker) {
  const auto rows = transaction.query(
      "INSERT INTO directory.organizations (id, tenant_id, name) VALUES (coalesce($1::uuid, "
      "gen_random_uuid()), $2, $3) ON CONFLICT (id) DO NOTHING RETURNING id",
      {postgres::value(id), postgres::value(tenant), postgres::value(name)});
  const auto organization = find_organization(transaction, rows.empty() ? *id : rows[0].uuid(0));
  if (!organization || organization->tenant_id != tenant || (rows.empty() && organization->name != name))
    throw Error(Fault::conflict, "database_conflict", "another organization has this id");
  Added added{*organization, {}};
  if (!rows.empty())
    added.stored.push_back(
        audit(transaction, *organization, "organization_added", std::nullopt, {{"name", name}}, asker));
  return added;
}

std::vector<runs::Stored> rename_organization(postgres::Transaction& transaction, const Uuid& organization_id,
                                              const std::string& name, const Asker& asker) {
  const Organization organization = lock_organization(transaction, organization_id);
  if (organization.name == name) return {};
  transaction.execute("UPDATE directory.organizations SET name = $2, updated_at = now() WHERE id = $1::uuid",
                      {postgres::value(organization.id), postgres::value(name)});
  return {audit(transaction, organization, "organization_renamed", organization.group,
                {{"from", organization.name}, {"to", name}}, asker)};
}

void throw_linked_just_now(const Uuid& group) {
  throw Error(Fault::conflict, "group_linked_elsewhere",
              "group " + group.to_string() + " was linked to another organization just now");
}

PolicyChange set_removal_policy(postgres::Transaction& transaction, const Uuid& organization_id,
                                const std::string& policy, const Asker& asker) {
  const Organization organization = lock_organization(transaction, organization_id);
  PolicyChange change{organization.removal_policy, {}};
  if (change.before == policy) return change;
  transaction.execute(
      "UPDATE directory.organizations SET removal_policy = $2, updated_at = now() WHERE id = $1::uuid",
      {postgres::value(organization.id), postgres::value(policy)});
  change.stored.push_back(audit(transaction, organization, "policy_changed", organization.group,
                                {{"removal", {{"from", change.before}, {"to", policy}}}}, asker));
  return change;
}

}  // namespace rollcall::directory
