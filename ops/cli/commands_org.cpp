#include "common/core/error.h"
#include "ops/cli/commands.h"
#include "ops/cli/rows.h"

/// Organizations, their groups and their policy.
namespace rollcall::cli {
namespace {

constexpr std::size_t name_max = 256;

std::string group_text(const std::optional<Uuid>& group) {
  return group ? group->to_string() : "-";
}

Json to_json(const Organization& organization) {
  Json json = {{"id", organization.id.to_string()},
               {"name", organization.name},
               {"tenant_id", organization.tenant_id},
               {"group", organization.group ? Json(organization.group->to_string()) : Json(nullptr)},
               {"removal", organization.removal_policy},
               {"roster_version", organization.roster_version}};
  return json;
}

/// Refuses a group that another organization has: two rosters for one group would undo each other for ever.
void refuse_taken_group(postgres::Transaction& transaction, const Organization& organization,
                        const Uuid& group) {
  const auto rows = transaction.query(
      "SELECT id, name FROM directory.organizations WHERE tenant_id = $1 AND microsoft_group = $2::uuid AND "
      "id <> $3::uuid",
      {postgres::value(organization.tenant_id), postgres::value(group), postgres::value(organization.id)});
  if (rows.empty()) return;
  throw Failure(
      refused, "group_linked_elsewhere",
      "group " + group.to_string() + " is linked to '" + printable(rows[0].text(1)) + "' (" +
          rows[0].text(0) + ")",
      "Unlink it there with 'rollcall org unlink " + rows[0].text(0) + "', or choose another group.");
}

/// Two at once: the unique index lets one through, and the other hears the same words.
template <class Work>
auto transact_link(Context& context, const Uuid& group, Work work) {
  try {
    return context.database().transact(work);
  } catch (const Error& error) {
    if (error.code() != "database_conflict") throw;
    throw Failure(refused, "group_linked_elsewhere",
                  "group " + group.to_string() + " was linked to another organization just now");
  }
}

/// What the worker remembers of a group must not be believed of another.
void forget_mirror(postgres::Transaction& transaction, const Uuid& organization) {
  transaction.execute("DELETE FROM sync.groups WHERE organization_id = $1::uuid",
                      {postgres::value(organization)});
  transaction.execute("DELETE FROM sync.recent_writes WHERE organization_id = $1::uuid",
                      {postgres::value(organization)});
}

/// Sets or clears the group with its audit events; what stands already is left alone.
std::vector<runs::Stored> set_group(postgres::Transaction& transaction, const Organization& organization,
                                    const std::optional<Uuid>& group, WallTime now) {
  const std::optional<Uuid> before = lock_organization(transaction, organization.id).group;
  if (before == group) return {};
  if (group) refuse_taken_group(transaction, organization, *group);
  transaction.execute(
      "UPDATE directory.organizations SET microsoft_group = $2::uuid, updated_at = now() WHERE id = $1::uuid",
      {postgres::value(organization.id), postgres::value(group)});
  forget_mirror(transaction, organization.id);
  std::vector<runs::Stored> stored;
  if (before)
    stored.push_back(audit(transaction, organization, "group_unlinked", before, Json::object(), now));
  if (group) stored.push_back(audit(transaction, organization, "group_linked", group, Json::object(), now));
  return stored;
}

}  // namespace

int org_add(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.name;
  if (name.find_first_not_of(" \t\r\n") == std::string::npos || display_width(name) > name_max)
    throw Failure(usage, "usage", "a name has 1 to 256 characters", "Give another --name.");
  if (printable(name) != name)
    throw Failure(usage, "usage", "the name holds control characters", "Give another --name.");
  std::optional<Uuid> group;
  if (!arguments.group.empty()) group = require_uuid(arguments.group, "--group");

  Organization organization;
  organization.tenant_id = context.tenant();
  organization.name = name;
  std::vector<runs::Stored> stored;
  const auto add = [&](postgres::Transaction& transaction) {
    stored.clear();
    organization.id =
        transaction
            .query("INSERT INTO directory.organizations (tenant_id, name) VALUES ($1, $2) RETURNING id",
                   {postgres::value(organization.tenant_id), postgres::value(name)})[0]
            .uuid(0);
    if (group) stored = set_group(transaction, organization, group, context.now());
  };
  if (group) {
    transact_link(context, *group, add);
  } else {
    context.database().transact(add);
  }
  context.publish(std::move(stored));
  context.output.document({{"id", organization.id.to_string()},
                           {"name", name},
                           {"tenant_id", organization.tenant_id},
                           {"group", group ? Json(group->to_string()) : Json(nullptr)}});
  context.output.line("added " + name + "  " + organization.id.to_string() +
                      (group
                           ? "  group " + group->to_string()
                           : "  (no group yet: rollcall org link " + organization.id.to_string() + " GUID)"));
  return done;
}

int org_list(Context& context, const Arguments&) {
  const auto rows = context.database().query(
      std::string("SELECT o.id, o.name, o.microsoft_group, o.removal_policy, o.roster_version,"
                  " (SELECT count(*) FROM directory.members m WHERE m.organization_id = o.id AND "
                  "m.departed_at IS NULL), ") +
          time_of("g.synced_at") +
          " FROM directory.organizations o LEFT JOIN sync.groups g ON g.organization_id = o.id WHERE "
          "o.tenant_id "
          "= $1"
          " ORDER BY lower(o.name), o.id",
      {postgres::value(context.tenant())});
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    list.push_back({{"id", row.text(0)},
                    {"name", row.text(1)},
                    {"group", or_null(row, 2)},
                    {"removal", row.text(3)},
                    {"roster_version", row.number(4)},
                    {"members", row.number(5)},
                    {"synced_at", or_null(row, 6)}});
    table.push_back({row.text(0), printable(row.text(1)), or_dash(row, 2), row.text(3), row.text(5),
                     row.is_null(6) ? "never" : row.text(6)});
  }
  context.output.document(list);
  context.output.table({"ID", "NAME", "GROUP", "REMOVAL", "PEOPLE", "SYNCED"}, table,
                       "There are no organizations yet. Add one: rollcall org add --name NAME --group GUID");
  return done;
}

int org_show(Context& context, const Arguments& arguments) {
  const Organization organization = context.organization(arguments.organization);
  const auto row = context.database().query(
      "SELECT (SELECT count(*) FROM directory.members WHERE organization_id = $1::uuid AND departed_at IS "
      "NULL),"
      " (SELECT count(*) FROM directory.members WHERE organization_id = $1::uuid AND departed_at IS NOT "
      "NULL),"
      " g.display_name, g.member_count, " +
          time_of("g.synced_at") +
          " FROM (SELECT 1) one LEFT JOIN sync.groups g ON g.organization_id = $1::uuid",
      {postgres::value(organization.id)})[0];
  Json json = to_json(organization);
  json["members"] = row.number(0);
  json["departed"] = row.number(1);
  json["group_name"] = or_null(row, 2);
  json["group_members"] = row.is_null(3) ? Json(nullptr) : Json(row.number(3));
  json["synced_at"] = or_null(row, 4);
  auto& output = context.output;
  output.document(json);
  output.line("id        " + organization.id.to_string());
  output.line("name      " + printable(organization.name));
  output.line("tenant    " + organization.tenant_id);
  output.line("group     " + group_text(organization.group) +
              (row.is_null(2) ? "" : "  " + printable(row.text(2))));
  output.line("removal   " + organization.removal_policy);
  output.line("roster    " + row.text(0) + " people, " + row.text(1) + " departed, version " +
              std::to_string(organization.roster_version));
  output.line("synced    " + (row.is_null(4) ? "never" : row.text(4) + ", " + row.text(3) + " in the group"));
  if (!organization.group)
    output.line("next      rollcall org link " + organization.id.to_string() + " GUID");
  return done;
}

int org_link(Context& context, const Arguments& arguments) {
  const Uuid group = require_uuid(arguments.group, "group");
  const Organization organization = context.organization(arguments.organization);
  auto stored = transact_link(context, group, [&](postgres::Transaction& transaction) {
    return set_group(transaction, organization, group, context.now());
  });
  const bool changed = !stored.empty();
  context.publish(std::move(stored));
  context.output.document(
      {{"id", organization.id.to_string()}, {"group", group.to_string()}, {"changed", changed}});
  context.output.line(changed ? "linked " + printable(organization.name) + " to group " + group.to_string()
                              : "nothing changed: the group is linked already");
  return done;
}

int org_unlink(Context& context, const Arguments& arguments) {
  const Organization organization = context.organization(arguments.organization);
  auto stored = context.database().transact([&](postgres::Transaction& transaction) {
    return set_group(transaction, organization, std::nullopt, context.now());
  });
  const bool changed = !stored.empty();
  context.publish(std::move(stored));
  context.output.document({{"id", organization.id.to_string()}, {"group", nullptr}, {"changed", changed}});
  context.output.line(changed
                          ? "unlinked " + printable(organization.name) + "; nobody was removed from the group"
                          : "nothing changed: no group is linked");
  return done;
}

int policy_show(Context& context, const Arguments& arguments) {
  const Organization organization = context.organization(arguments.organization);
  const auto rows = context.database().query("SELECT guards FROM directory.organizations WHERE id = $1::uuid",
                                             {postgres::value(organization.id)});
  const Json guards = rows.empty() ? Json::object() : rows[0].json(0);
  context.output.document(
      {{"id", organization.id.to_string()}, {"removal", organization.removal_policy}, {"guards", guards}});
  context.output.line("removal   " + organization.removal_policy);
  context.output.line("guards    " + (guards.empty() ? std::string("the defaults") : dump(guards)));
  return done;
}

int policy_set(Context& context, const Arguments& arguments) {
  const Organization organization = context.organization(arguments.organization);
  std::vector<runs::Stored> stored;
  std::string before;
  context.database().transact([&](postgres::Transaction& transaction) {
    stored.clear();
    before = lock_organization(transaction, organization.id).removal_policy;
    if (before == arguments.removal) return;
    transaction.execute(
        "UPDATE directory.organizations SET removal_policy = $2, updated_at = now() WHERE id = $1::uuid",
        {postgres::value(organization.id), postgres::value(arguments.removal)});
    stored.push_back(audit(transaction, organization, "policy_changed", organization.group,
                           {{"removal", {{"from", before}, {"to", arguments.removal}}}}, context.now()));
  });
  const bool changed = !stored.empty();
  context.publish(std::move(stored));
  context.output.document(
      {{"id", organization.id.to_string()}, {"removal", arguments.removal}, {"changed", changed}});
  context.output.line(changed ? "removal   " + arguments.removal + " (was " + before + ")"
                              : "nothing changed: removal is " + arguments.removal + " already");
  return done;
}

}  // namespace rollcall::cli
