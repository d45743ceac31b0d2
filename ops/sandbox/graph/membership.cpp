#include "ops/sandbox/graph/directory_json.h"
#include "ops/sandbox/graph/graph_api.h"

#include <algorithm>

/// Members and owners. The messages are the service's own: clients have to match on them (graph-facts,
/// section 3).
namespace rollcall::sandbox_graph {
namespace {

constexpr const char* already_exist =
    "One or more added object references already exist for the following modified properties: '";
constexpr const char* do_not_exist =
    "One or more removed object references do not exist for the following modified properties: '";

Answer bad_request(std::string message) {
  return fail(400, "Request_BadRequest", std::move(message));
}

/// "https://graph.microsoft.com/v1.0/directoryObjects/{id}", any host.
std::optional<Uuid> reference_id(const Json& reference) {
  if (!reference.is_string()) return std::nullopt;
  const auto& text = reference.get_ref<const std::string&>();
  for (const std::string_view kind : {"/directoryObjects/", "/users/", "/groups/"})
    if (const auto at = text.find(kind); at != std::string::npos)
      return Uuid::parse(std::string_view(text).substr(at + kind.size()));
  return std::nullopt;
}

struct Target {
  Group* group = nullptr;
  Answer refusal;
};

/// The group a write is for, or why it may not be written.
Target writable_group(State& state, const Call& call, WallTime now, bool members) {
  const auto id = Uuid::parse(call.segments[1]);
  Group* group = id ? find_group(state.directory, *id) : nullptr;
  if (!group) return {nullptr, not_found(call.segments[1])};
  if (!exists_at(*group, visible(state, now)))
    return {nullptr,
            bad_request("The source resource object or one of the objects being referenced don't exist")};
  if (!members) return {group, {}};
  if (group->kind == GroupKind::dynamic || group->kind == GroupKind::mail_security ||
      group->kind == GroupKind::role_assignable)
    return {nullptr,
            fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")};
  if (group->kind == GroupKind::on_premises)
    return {nullptr, bad_request("Unable to update the specified properties for on-premises mastered "
                                 "Directory Sync objects or objects currently undergoing migration.")};
  return {group, {}};
}

/// All or nothing: every entry is checked before any is applied. Status 204: may be applied.
Answer check_additions(State& state, const Group& group, const std::vector<Uuid>& ids) {
  for (const Uuid& id : ids) {
    const User* user = find_user(state.directory, id);
    const Group* nested = user ? nullptr : find_group(state.directory, id);
    if (!user && !nested) return not_found(id.to_string());
    if (nested && (group.kind == GroupKind::microsoft365 || nested->kind == GroupKind::microsoft365))
      return bad_request(
          "Unsupported reference object type for the following modified properties: 'members'.");
    if (user && group.forbids_guests && user->user_type == "Guest")
      return fail(403, "Authorization_RequestDenied",
                  "Guests users are not allowed to join this Unified Group due to policy setting.");
  }
  std::vector<Uuid> sorted = ids;
  std::ranges::sort(sorted);
  const bool twice = std::ranges::adjacent_find(sorted) != sorted.end();
  const bool known = std::ranges::any_of(ids, [&](const Uuid& id) { return group.present.contains(id); });
  return twice || known ? bad_request(std::string(already_exist) + "members'.") : Answer{204, {}, {}};
}

Answer check_owners(State& state, const Group& group, const std::vector<Uuid>& ids) {
  for (const Uuid& id : ids) {
    if (!find_user(state.directory, id)) return not_found(id.to_string());
    if (std::ranges::find(group.owners, id) != group.owners.end())
      return bad_request(std::string(already_exist) + "owners'.");
  }
  if (group.owners.size() + ids.size() > 100)
    return bad_request("The group may not have more than 100 owners.");
  return {204, {}, {}};
}

void apply_additions(State& state, Group& group, const std::vector<Uuid>& ids, const Stamp& stamp) {
  for (const Uuid& id : ids)
    add_member(state.directory, group, id, stamp);
  state.stats.members_added += static_cast<long>(ids.size());
}

Answer list(State& state, const Call& call, WallTime now, bool users_only) {
  const auto id = Uuid::parse(call.segments[1]);
  const Version version = visible(state, now);
  const Group* group = id ? find_group_at(state.directory, *id, version) : nullptr;
  if (!group) return not_found(call.segments[1]);
  for (const char* option : {"$filter", "$search", "$orderby", "$count"})
    if (call.has(option) && call.header("ConsistencyLevel") != "eventual")
      return fail(400, "Request_UnsupportedQuery",
                  std::string(option) + " is only supported with the ConsistencyLevel header 'eventual'.");
  const auto top = page_size(call);
  const auto from = skip_position(call);
  if (!top || !from) return bad_request("Invalid page size or page token.");
  const MemberPage page = members_page(*group, version, *from, page_fill(state, *top));
  Json value = Json::array();
  for (const Uuid& member : page.ids)
    if (!users_only || state.directory.user_at.contains(member))
      value.push_back(object_json(state.directory, member, call.option("$select")));
  Json body{{"@odata.context", call.base + "/$metadata#directoryObjects"}, {"value", std::move(value)}};
  if (page.next) body["@odata.nextLink"] = next_link(call, *page.next);
  return {200, std::move(body), {}};
}

}  // namespace

Result<std::vector<Uuid>> bind_ids(const Json& body, const char* name) {
  std::vector<Uuid> ids;
  const auto found = body.find(name);
  if (found == body.end()) return ids;
  if (!found->is_array())
    return unexpected(Problem{"invalid", std::string("The value of '") + name + "' must be an array."});
  for (const Json& entry : *found) {
    const auto id = reference_id(entry);
    if (!id) return unexpected(Problem{"invalid", "Invalid entity reference: " + dump(entry)});
    ids.push_back(*id);
  }
  return ids;
}

Answer list_members(State& state, const Call& call, WallTime now) {
  return list(state, call, now, false);
}

Answer list_member_users(State& state, const Call& call, WallTime now) {
  if (call.header("ConsistencyLevel") != "eventual" || call.option("$count") != "true")
    return fail(400, "Request_UnsupportedQuery",
                "The specified cast requires the ConsistencyLevel header to be 'eventual' and $count=true.");
  return list(state, call, now, true);
}

Answer count_members(State& state, const Call& call, WallTime now) {
  if (call.header("ConsistencyLevel") != "eventual")
    return fail(400, "Request_UnsupportedQuery", "$count is not currently supported.");
  const auto id = Uuid::parse(call.segments[1]);
  const Version version = visible(state, now);
  const Group* group = id ? find_group_at(state.directory, *id, version) : nullptr;
  if (!group) return not_found(call.segments[1]);
  return {200, member_count(*group, version), {{"Content-Type", "text/plain"}}};
}

/// A cast that no member could satisfy.
Answer cast_members(State&, const Call& call, WallTime) {
  return fail(400, "Request_UnsupportedQuery", "Unsupported cast to '" + call.segments[3] + "'.");
}

/// The bind form belongs to the group itself.
Answer bind_at_ref(State&, const Call&, WallTime) {
  return fail(400, "Request_BadRequest", "The request is currently not supported on the targeted entity set");
}

Answer add_member_ref(State& state, const Call& call, WallTime now) {
  if (call.body.is_object() && call.body.contains("members@odata.bind")) return bind_at_ref(state, call, now);
  const auto [group, refusal] = writable_group(state, call, now, true);
  if (!group) return refusal;
  const auto id = call.body.is_object() ? reference_id(call.body.value("@odata.id", Json())) : std::nullopt;
  if (!id) return bad_request("Invalid URL format specified in @odata.id.");
  Answer verdict = check_additions(state, *group, {*id});
  if (verdict.status == 204) apply_additions(state, *group, {*id}, stamp(call, now));
  return verdict;
}

Answer remove_member_ref(State& state, const Call& call, WallTime now) {
  const auto [group, refusal] = writable_group(state, call, now, true);
  if (!group) return refusal;
  const auto id = Uuid::parse(call.segments[3]);
  if (!id) return bad_request("Invalid object identifier '" + call.segments[3] + "'.");
  if (!group->present.contains(*id)) {
    // Both answers were seen of the real service, so both are given: by the id, so that a test can choose.
    const bool unknown = !find_user(state.directory, *id) && !find_group(state.directory, *id);
    return unknown || id->bytes[15] % 2 == 0 ? not_found(call.segments[3])
                                             : bad_request(std::string(do_not_exist) + "members'.");
  }
  remove_member(state.directory, *group, *id, stamp(call, now));
  ++state.stats.members_removed;
  return {204, {}, {}};
}

/// DELETE …/members/{id} without /$ref reaches through the group and deletes the person. Counted, so that
/// tests can insist it never happens.
Answer delete_user_by_mistake(State& state, const Call& call, WallTime now) {
  const auto id = Uuid::parse(call.segments.back());
  if (!id || !find_user(state.directory, *id)) return not_found(call.segments.back());
  apply(state.directory, Op::delete_user, nullptr, *id, stamp(call, now));  // memberships stay: it is soft
  ++state.stats.users_removed;
  return {204, {}, {}};
}

Answer patch_group(State& state, const Call& call, WallTime now) {
  if (!call.body.is_object() || call.body.empty())
    return bad_request("A non-empty request body is required.");
  const auto members = bind_ids(call.body, "members@odata.bind");
  const auto owners = bind_ids(call.body, "owners@odata.bind");
  if (!members || !owners) return bad_request(members ? owners.error().message : members.error().message);
  if (members->size() + owners->size() > 20)
    return bad_request("A resource cannot contain more than 20 link changes");
  const auto [group, refusal] = writable_group(state, call, now, !members->empty());
  if (!group) return refusal;
  for (const Answer& verdict :
       {check_additions(state, *group, *members), check_owners(state, *group, *owners)})
    if (verdict.status != 204) return verdict;
  apply_additions(state, *group, *members, stamp(call, now));
  group->owners.insert(group->owners.end(), owners->begin(), owners->end());
  const auto update = [&](const char* name, std::string& property) {
    if (!call.body.value(name, Json()).is_string()) return false;
    property = call.body[name];
    return true;
  };
  const bool named = update("displayName", group->display_name);
  if (update("description", group->description) || named)
    apply(state.directory, Op::update_group, group, {}, stamp(call, now));
  return {204, {}, {}};
}

Answer list_owners(State& state, const Call& call, WallTime now) {
  const auto id = Uuid::parse(call.segments[1]);
  const Group* group = id ? find_group_at(state.directory, *id, visible(state, now)) : nullptr;
  if (!group) return not_found(call.segments[1]);
  Json value = Json::array();
  for (const Uuid& owner : group->owners)
    value.push_back(object_json(state.directory, owner, call.option("$select")));
  return {200, {{"value", value}}, {}};
}

Answer add_owner_ref(State& state, const Call& call, WallTime now) {
  const auto [group, refusal] = writable_group(state, call, now, false);
  if (!group) return refusal;
  const auto id = call.body.is_object() ? reference_id(call.body.value("@odata.id", Json())) : std::nullopt;
  if (!id) return bad_request("Invalid URL format specified in @odata.id.");
  Answer verdict = check_owners(state, *group, {*id});
  if (verdict.status == 204) group->owners.push_back(*id);
  return verdict;
}

Answer remove_owner_ref(State& state, const Call& call, WallTime now) {
  const auto [group, refusal] = writable_group(state, call, now, false);
  if (!group) return refusal;
  const auto id = Uuid::parse(call.segments[3]);
  const auto at = id ? std::ranges::find(group->owners, *id) : group->owners.end();
  if (at == group->owners.end()) return not_found(call.segments[3]);
  if (group->owners.size() == 1)
    return bad_request("The group must have at least one owner, hence this owner cannot be removed.");
  group->owners.erase(at);
  return {204, {}, {}};
}

}  // namespace rollcall::sandbox_graph
