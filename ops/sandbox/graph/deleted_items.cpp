#include "ops/sandbox/graph/directory_json.h"
#include "ops/sandbox/graph/graph_api.h"

/// /directory/deletedItems: Microsoft 365 groups and users, for 30 days.
namespace rollcall::sandbox_graph {
namespace {

Group* deleted_group(State& state, const Uuid& id) {
  const auto at = state.directory.groups.find(id);
  if (at == state.directory.groups.end() || !at->second.deleted_at || at->second.purged) return nullptr;
  return &at->second;
}

const User* deleted_user(const State& state, const Uuid& id) {
  const auto at = state.directory.user_at.find(id);
  if (at == state.directory.user_at.end()) return nullptr;
  const User& user = state.directory.users[at->second];
  return user.deleted && !user.purged ? &user : nullptr;
}

Answer list_deleted(State& state, const Call& call, bool groups) {
  Json value = Json::array();
  for (const Uuid& id : state.directory.deleted) {
    const Group* group = deleted_group(state, id);
    if (groups && group) value.push_back(group_json(*group, call.option("$select")));
    if (!groups && !group)
      if (const User* user = deleted_user(state, id))
        value.push_back(user_json(*user, call.option("$select")));
  }
  return {200, {{"value", std::move(value)}}, {}};
}

/// Makes the change on whichever of the two there is; `after` is the answer.
Answer change_deleted(State& state, const Call& call, WallTime now, Op of_group, Op of_user, int status) {
  const auto id = Uuid::parse(call.segments[2]);
  if (!id) return not_found(call.segments[2]);
  if (Group* group = deleted_group(state, *id)) {
    apply(state.directory, of_group, group, {}, stamp(call, now));
  } else if (deleted_user(state, *id)) {
    apply(state.directory, of_user, nullptr, *id, stamp(call, now));
  } else {
    return not_found(call.segments[2]);
  }
  return {status, status == 204 ? Json() : object_json(state.directory, *id, ""), {}};
}

}  // namespace

Answer list_deleted_groups(State& state, const Call& call, WallTime) {
  return list_deleted(state, call, true);
}

Answer list_deleted_users(State& state, const Call& call, WallTime) {
  return list_deleted(state, call, false);
}

Answer get_deleted(State& state, const Call& call, WallTime) {
  const auto id = Uuid::parse(call.segments.back());
  if (!id || (!deleted_group(state, *id) && !deleted_user(state, *id)))
    return not_found(call.segments.back());
  Json body = object_json(state.directory, *id, call.option("$select"));
  return {200, std::move(body), {}};
}

Answer restore_deleted(State& state, const Call& call, WallTime now) {
  return change_deleted(state, call, now, Op::restore_group, Op::restore_user, 200);
}

Answer purge_deleted(State& state, const Call& call, WallTime now) {
  return change_deleted(state, call, now, Op::purge_group, Op::purge_user, 204);
}

}  // namespace rollcall::sandbox_graph
