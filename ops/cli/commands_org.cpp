#include "common/core/error.h"
#include "common/group_health/store.h"
#include "ops/cli/commands.h"
#include "ops/cli/health_text.h"
#include "ops/cli/rows.h"

/// Organizations, their groups and their policy.
namespace rollcall::cli {
namespace {

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

}  // namespace

int org_add(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.name;
  if (const std::string what = directory::name_mistake(name); !what.empty())
    throw Failure(usage, "usage", what, "Give another --name.");
  std::optional<Uuid> group;
  if (!arguments.group.empty()) group = require_uuid(arguments.group, "--group");

  Organization organization;
  std::vector<runs::Stored> stored;
  const auto add = [&](postgres::Transaction& transaction) {
    auto added = directory::add_organization(transaction, std::nullopt, context.tenant(), name,
                                             {actor, context.now()});
    organization = added.organization;
    stored = std::move(added.stored);
    if (group)
      for (auto& one : directory::set_group(transaction, organization.id, group, {actor, context.now()}))
        stored.push_back(std::move(one));
  };
  if (group) {
    directory::transact_link(context.database(), *group, add);
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
  const auto health = context.database().transact(
      [&](postgres::Transaction& transaction) { return group_health::find(transaction, organization.id); });
  json["health"] = health ? group_health::to_json(*health) : Json(nullptr);
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
  if (health) print_health(output, *health);
  if (!organization.group)
    output.line(health ? "next      rollcall org relink " + organization.id.to_string() + ", to link group " +
                             health->group.to_string() + " again"
                       : "next      rollcall org link " + organization.id.to_string() + " GUID");
  return done;
}

int org_link(Context& context, const Arguments& arguments) {
  const Uuid group = require_uuid(arguments.group, "group");
  const Organization organization = context.organization(arguments.organization);
  auto stored = directory::transact_link(context.database(), group, [&](postgres::Transaction& transaction) {
    return directory::set_group(transaction, organization.id, group, {actor, context.now()});
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
    return directory::set_group(transaction, organization.id, std::nullopt, {actor, context.now()});
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
  auto change = context.database().transact([&](postgres::Transaction& transaction) {
    return directory::set_removal_policy(transaction, organization.id, arguments.removal,
                                         {actor, context.now()});
  });
  const bool changed = !change.stored.empty();
  context.publish(std::move(change.stored));
  context.output.document(
      {{"id", organization.id.to_string()}, {"removal", arguments.removal}, {"changed", changed}});
  context.output.line(changed ? "removal   " + arguments.removal + " (was " + change.before + ")"
                              : "nothing changed: removal is " + arguments.removal + " already");
  return done;
}

}  // namespace rollcall::cli
