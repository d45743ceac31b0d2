#include "ops/sandbox/graph/directory_json.h"
#include "ops/sandbox/graph/filter.h"
#include "ops/sandbox/graph/graph_api.h"

#include <algorithm>
#include <array>

namespace rollcall::sandbox_graph {
namespace {

bool matches(const Group& group, const std::vector<Clause>& clauses) {
  return std::ranges::any_of(clauses, [&](const Clause& clause) {
    const std::string value = lower(clause.value);
    if (clause.property == "id") return group.id.to_string() == value;
    if (clause.property == "displayName") return lower(group.display_name) == value;
    if (clause.property == "mailNickname") return lower(group.mail_nickname) == value;
    if (clause.property == "groupTypes") return value == "unified" && group.kind == GroupKind::microsoft365;
    return false;
  });
}

Answer created_kind(const Json& body, GroupKind& kind) {
  const bool mail = body.value("mailEnabled", false);
  const Json types = body.value("groupTypes", Json::array());
  const bool unified = std::ranges::find(types, Json("Unified")) != types.end();
  if (mail && !unified)
    return fail(400, "Request_BadRequest",
                "The service does not currently support writes of mail-enabled groups. Please ensure that "
                "the mail-enablement property is unset and the security-enablement property is set.");
  if (!unified && !body.value("securityEnabled", false))
    return fail(400, "Request_BadRequest",
                "The service does not currently support writes of mail-enabled groups.");
  const bool dynamic = std::ranges::find(types, Json("DynamicMembership")) != types.end();
  kind = dynamic ? GroupKind::dynamic : unified ? GroupKind::microsoft365 : GroupKind::security;
  return {204, {}, {}};
}

const std::array<Json, 4> visibilities{"Private", "Public", "HiddenMembership", "Hiddenmembership"};
/// By a PATCH of their own only (group-update).
constexpr std::array not_at_creation{"allowExternalSenders", "autoSubscribeNewMembers",
                                     "hideFromAddressLists", "hideFromOutlookClients"};

Answer invalid_property(const std::string& name) {
  return fail(400, "Request_BadRequest",
              "Invalid value specified for property '" + name + "' of resource 'Group'.");
}

Answer check_required(const State& state, const Json& body) {
  if (!body.is_object()) return fail(400, "BadRequest", "Unable to read JSON request payload.");
  for (const char* name : {"displayName", "mailNickname"})
    if (!body.value(name, Json()).is_string() || body[name].get_ref<const std::string&>().empty())
      return fail(400, "Request_BadRequest",
                  std::string("A value is required for property '") + name + "' of resource 'Group'.");
  for (const char* name : {"mailEnabled", "securityEnabled"})
    if (!body.value(name, Json()).is_boolean())
      return fail(400, "Request_BadRequest",
                  std::string("A value is required for property '") + name + "' of resource 'Group'.");
  if (!body.value("groupTypes", Json::array()).is_array()) return invalid_property("groupTypes");
  if (body["displayName"].get_ref<const std::string&>().size() > 256) return invalid_property("displayName");
  if (const Json visibility = body.value("visibility", Json("Private"));
      std::ranges::find(visibilities, visibility) == visibilities.end())
    return invalid_property("visibility");
  for (const char* name : not_at_creation)
    if (body.contains(name)) return invalid_property(name);
  const auto& nickname = body["mailNickname"].get_ref<const std::string&>();
  const bool ascii =
      std::ranges::all_of(nickname, [](char c) { return static_cast<unsigned char>(c) < 128; });
  if (nickname.size() > 64 || !ascii || nickname.find_first_of("@()\\[]\";:<>, ") != std::string::npos)
    return invalid_property("mailNickname");
  for (const auto& [id, group] : state.directory.groups)
    if (!group.purged && group.kind == GroupKind::microsoft365 &&
        lower(group.mail_nickname) == lower(nickname))
      return fail(400, "Request_BadRequest",
                  "Another object with the same value for property mailNickname already exists.");
  return {204, {}, {}};
}

Answer check_expressions(const std::vector<Clause>& clauses) {
  if (clauses.size() <= 15) return {204, {}, {}};
  return fail(400, "Request_UnsupportedQuery",
              "Too many child clauses specified in search filter expression containing 'OR' operators: " +
                  std::to_string(clauses.size()) + ". Max allowed: 15.");
}

/// In the tenant's order. By id, nobody goes through all there are.
std::vector<Uuid> asked_groups(const Directory& directory, const std::vector<Clause>& clauses) {
  const bool by_id = !clauses.empty() &&
                     std::ranges::all_of(clauses, [](const Clause& one) { return one.property == "id"; });
  if (!by_id) return directory.group_order;
  std::vector<Uuid> ids;
  for (const Clause& clause : clauses)
    if (const auto id = Uuid::parse(clause.value); id && directory.groups.contains(*id)) ids.push_back(*id);
  return ids;
}

/// "owners($select=id)": the relationship and what is shown of each object in it.
struct Expansion {
  std::string relationship, select;
};

Result<Expansion> read_expand(const Call& call) {
  const std::string text = call.option("$expand");
  const auto open = std::min(text.find('('), text.size());
  Expansion expansion{text.substr(0, open), {}};
  const std::string inside = text.substr(open);
  constexpr std::string_view select = "($select=";
  const bool known = expansion.relationship == "owners" || expansion.relationship == "members";
  if (text.empty() || (known && inside.empty())) return expansion;
  if (!known || !inside.starts_with(select) || !inside.ends_with(")"))
    return unexpected(
        Problem{"Request_UnsupportedQuery", "Parsing OData Select and Expand failed: '" + text + "'."});
  expansion.select = inside.substr(select.size(), inside.size() - select.size() - 1);
  return expansion;
}

/// group, known-issues: at most 20 objects, and no link to more. The owners of a group that Exchange or a
/// local directory is master of are not to be had (group-list-owners).
Json shown_group(const State& state, const Group& group, const Call& call, const Expansion& expansion,
                 Version version) {
  constexpr std::size_t expanded_max = 20;
  Json shown = group_json(group, call.option("$select"));
  if (expansion.relationship.empty()) return shown;
  const bool elsewhere = group.kind == GroupKind::on_premises || group.kind == GroupKind::mail_security;
  std::vector<Uuid> ids;
  if (expansion.relationship == "members") {
    ids = members_page(group, version, 0, expanded_max).ids;
  } else if (!elsewhere) {
    ids.assign(group.owners.begin(), group.owners.begin() + static_cast<std::ptrdiff_t>(
                                                                std::min(group.owners.size(), expanded_max)));
  }
  Json& objects = shown[expansion.relationship] = Json::array();
  for (const Uuid& id : ids)
    objects.push_back(object_json(state.directory, id, expansion.select));
  return shown;
}

}  // namespace

Answer list_groups(State& state, const Call& call, WallTime now) {
  const auto expansion = read_expand(call);
  if (!expansion) return fail(400, expansion.error().code, expansion.error().message);
  const auto top = page_size(call);
  const auto from = skip_position(call);
  if (!top || !from) return fail(400, "Request_BadRequest", "Invalid page size or page token.");
  std::vector<Clause> clauses;
  if (call.has("$filter")) {
    const auto parsed = parse_filter(call.option("$filter"));
    if (!parsed) return fail(400, parsed.error().code, parsed.error().message);
    if (auto problem = check_expressions(*parsed); problem.status != 204) return problem;
    clauses = *parsed;
  }
  const Version version = visible(state, now);
  Json value = Json::array();
  std::size_t at = *from;
  const auto order = asked_groups(state.directory, clauses);
  for (; at < order.size() && value.size() < *top; ++at) {
    const Group& group = state.directory.groups.at(order[at]);
    if (exists_at(group, version) && !state.faults.groups.contains(group.id) &&
        (clauses.empty() || matches(group, clauses)))
      value.push_back(shown_group(state, group, call, *expansion, version));
  }
  Json body{{"value", std::move(value)}};
  if (at < order.size()) body["@odata.nextLink"] = next_link(call, at);
  return {200, body, {}};
}

Answer get_group(State& state, const Call& call, WallTime now) {
  const auto expansion = read_expand(call);
  if (!expansion) return fail(400, expansion.error().code, expansion.error().message);
  const auto id = Uuid::parse(call.segments[1]);
  const Version version = visible(state, now);
  const Group* group = id ? find_group_at(state.directory, *id, version) : nullptr;
  // Not replicated yet looks the same as deleted and as never existed.
  if (!group) return not_found(call.segments[1]);
  return {200, shown_group(state, *group, call, *expansion, version), {}};
}

namespace {

Answer create_named(State& state, const Call& call, WallTime now, const std::string& unique_name) {
  if (auto problem = check_required(state, call.body); problem.status != 204) return problem;
  Group group;
  if (auto problem = created_kind(call.body, group.kind); problem.status != 204) return problem;
  const auto members = bind_ids(call.body, "members@odata.bind");
  const auto owners = bind_ids(call.body, "owners@odata.bind");
  if (!members || !owners)
    return fail(400, "Request_BadRequest", members ? owners.error().message : members.error().message);
  if (members->size() + owners->size() > 20)
    return fail(400, "Request_BadRequest", "A resource cannot contain more than 20 link changes");
  for (const auto* list : {&*members, &*owners})
    for (const Uuid& id : *list)
      if (!find_user(state.directory, id)) return not_found(id.to_string());
  group.id = *Uuid::parse(random_uuid(state));
  group.display_name = call.body["displayName"];
  group.mail_nickname = call.body["mailNickname"];
  if (call.body.value("description", Json()).is_string()) group.description = call.body["description"];
  group.visibility = group.kind == GroupKind::microsoft365 ? "Public" : "Private";
  if (call.body.value("visibility", Json()).is_string()) group.visibility = call.body["visibility"];
  group.also_security = call.body.value("securityEnabled", false);
  group.unique_name = unique_name;
  group.owners = *owners;
  group.created_at = now;
  Group& stored = put_group(state.directory, std::move(group), {});
  apply(state.directory, Op::create_group, &stored, {}, stamp(call, now));
  for (const Uuid& id : *members)
    if (!stored.present.contains(id)) add_member(state.directory, stored, id, stamp(call, now));
  return {201, group_json(stored, ""), {}};
}

/// A deleted group lets go of its name.
Group* find_named(State& state, const std::string& name) {
  for (auto& [id, group] : state.directory.groups)
    if (!group.deleted_at && !group.unique_name.empty() && group.unique_name == name) return &group;
  return nullptr;
}

}  // namespace

Answer create_group(State& state, const Call& call, WallTime now) {
  return create_named(state, call, now, {});
}

/// The alternate key: as soon to be read as the group itself.
Answer get_group_by_name(State& state, const Call& call, WallTime now) {
  const Group* group = find_named(state, call.segments[1]);
  if (!group || !exists_at(*group, visible(state, now))) return not_found(call.segments[1]);
  return {200, group_json(*group, call.option("$select")), {}};
}

/// group-upsert: makes the group where there is none of that name, else changes the one there is. Writes see
/// each other at once.
Answer upsert_group(State& state, const Call& call, WallTime now) {
  if (const Group* group = find_named(state, call.segments[1])) {
    Call change = call;
    change.segments = {"groups", group->id.to_string()};
    return patch_group(state, change, now);
  }
  if (lower(call.header("Prefer")).find("create-if-missing") == std::string::npos)
    return not_found(call.segments[1]);
  return create_named(state, call, now, call.segments[1]);
}

Answer delete_group(State& state, const Call& call, WallTime now) {
  const auto id = Uuid::parse(call.segments[1]);
  Group* group = id ? find_group(state.directory, *id) : nullptr;
  if (!group) return not_found(call.segments[1]);
  apply(state.directory, Op::delete_group, group, {}, stamp(call, now));
  if (group->kind != GroupKind::microsoft365)  // the others are not kept
    apply(state.directory, Op::purge_group, group, {}, stamp(call, now));
  return {204, {}, {}};
}

}  // namespace rollcall::sandbox_graph
