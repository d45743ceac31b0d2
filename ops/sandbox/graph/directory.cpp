#include "ops/sandbox/graph/directory.h"

#include <algorithm>
#include <array>

namespace rollcall::sandbox_graph {

std::optional<GroupKind> parse_kind(std::string_view name) {
  if (name == "microsoft365") return GroupKind::microsoft365;
  if (name == "security") return GroupKind::security;
  if (name == "dynamic") return GroupKind::dynamic;
  if (name == "on_premises") return GroupKind::on_premises;
  if (name == "mail_security") return GroupKind::mail_security;
  if (name == "role_assignable") return GroupKind::role_assignable;
  return std::nullopt;
}

namespace {
constexpr std::array<std::pair<Op, const char*>, 10> operations{{{Op::add, "add"},
                                                                 {Op::remove, "remove"},
                                                                 {Op::create_group, "create_group"},
                                                                 {Op::update_group, "update_group"},
                                                                 {Op::delete_group, "delete_group"},
                                                                 {Op::restore_group, "restore_group"},
                                                                 {Op::purge_group, "purge_group"},
                                                                 {Op::delete_user, "delete_user"},
                                                                 {Op::restore_user, "restore_user"},
                                                                 {Op::purge_user, "purge_user"}}};
}  // namespace

const char* to_string(Op op) {
  return std::ranges::find(operations, op, [](const auto& pair) { return pair.first; })->second;
}

std::optional<Op> parse_op(std::string_view name) {
  for (const auto& [op, known] : operations)
    if (name == known) return op;
  return std::nullopt;
}

Version version_at(const Directory& directory, WallTime time) {
  const auto end = std::ranges::upper_bound(directory.log, time, {}, &Change::at);
  return static_cast<Version>(end - directory.log.begin());
}

bool exists_at(const Group& group, Version version) {
  if (group.turns.empty()) return true;
  const auto after = std::ranges::upper_bound(group.turns, version, {}, &Turn::at);
  // Before its first turn a group was what that turn ended.
  return after == group.turns.begin() ? !after->exists : std::prev(after)->exists;
}

const User* find_user(const Directory& directory, const Uuid& id) {
  const auto at = directory.user_at.find(id);
  if (at == directory.user_at.end()) return nullptr;
  const User& user = directory.users[at->second];
  return user.deleted ? nullptr : &user;
}

Group* find_group(Directory& directory, const Uuid& id) {
  const auto at = directory.groups.find(id);
  return at == directory.groups.end() || at->second.deleted_at ? nullptr : &at->second;
}

const Group* find_group_at(const Directory& directory, const Uuid& id, Version version) {
  const auto at = directory.groups.find(id);
  return at == directory.groups.end() || !exists_at(at->second, version) ? nullptr : &at->second;
}

namespace {

void unindex(std::unordered_multimap<std::string, std::size_t>& index, const std::string& key,
             std::size_t at) {
  const auto [begin, end] = index.equal_range(lower(key));
  for (auto it = begin; it != end; ++it)
    if (it->second == at) return void(index.erase(it));
}

}  // namespace

void put_user(Directory& directory, User user) {
  const auto [known, fresh] = directory.user_at.try_emplace(user.id, directory.users.size());
  const std::size_t at = known->second;
  if (fresh) {
    directory.users.push_back(std::move(user));
  } else {
    const User& old = directory.users[at];
    unindex(directory.by_mail, old.mail, at);
    unindex(directory.by_upn, old.upn, at);
    for (const auto& proxy : old.proxies)
      unindex(directory.by_proxy, proxy, at);
    directory.users[at] = std::move(user);
  }
  const User& now = directory.users[at];
  if (!now.mail.empty()) directory.by_mail.emplace(lower(now.mail), at);
  directory.by_upn.emplace(lower(now.upn), at);
  for (const auto& proxy : now.proxies)
    directory.by_proxy.emplace(lower(proxy), at);
}

Group& put_group(Directory& directory, Group group, const std::vector<Uuid>& members) {
  group.slots.reserve(members.size());
  group.present.reserve(members.size());
  for (const Uuid& member : members)
    if (group.present.emplace(member, static_cast<std::uint32_t>(group.slots.size())).second)
      group.slots.push_back({member});
  const Uuid id = group.id;
  if (!directory.groups.contains(id)) directory.group_order.push_back(id);
  return directory.groups[id] = std::move(group);
}

void record(Directory& directory, Op op, Group* group, const Uuid& member, const Stamp& stamp) {
  if (group) group->log.push_back(directory.log.size());
  // version_at() searches by time, so a clock that steps back must not.
  const WallTime at = directory.log.empty() ? stamp.at : std::max(stamp.at, directory.log.back().at);
  directory.log.push_back({op, group ? group->id : Uuid{}, member, stamp.request_id, at});
}

void add_member(Directory& directory, Group& group, const Uuid& member, const Stamp& stamp) {
  apply(directory, Op::add, &group, member, stamp);
}

void remove_member(Directory& directory, Group& group, const Uuid& member, const Stamp& stamp) {
  apply(directory, Op::remove, &group, member, stamp);
}

namespace {

void turn(Directory& directory, Group& group, bool exists) {
  group.turns.push_back({directory.log.size(), exists});
}

void make_group_change(Directory& directory, Op op, Group& group) {
  const WallTime at = directory.log.back().at;
  switch (op) {
    case Op::create_group:
      return turn(directory, group, true);
    case Op::delete_group:
      turn(directory, group, false);
      group.deleted_at = at;
      directory.deleted.push_back(group.id);
      return;
    case Op::restore_group:
      turn(directory, group, true);
      group.deleted_at.reset();
      std::erase(directory.deleted, group.id);
      return;
    case Op::purge_group:
      group.purged = true;
      std::erase(directory.deleted, group.id);
      return;
    default:
      return;
  }
}

void make_user_change(Directory& directory, Op op, User& user, const Stamp& stamp) {
  user.deleted = op != Op::restore_user;
  user.purged = op == Op::purge_user;
  std::erase(directory.deleted, user.id);
  if (op == Op::delete_user) {
    user.deleted_at = directory.log.back().at;
    directory.deleted.push_back(user.id);
  }
  if (op != Op::purge_user) return;
  // Only now do the memberships end (delta-query-groups).
  for (const Uuid& id : directory.group_order)
    if (Group& group = directory.groups.at(id); group.present.contains(user.id))
      apply(directory, Op::remove, &group, user.id, stamp);
}

void make_member_change(Directory& directory, Op op, Group& group, const Uuid& member) {
  const auto slot = group.present.find(member);
  if (op == Op::add && slot == group.present.end()) {
    group.present[member] = static_cast<std::uint32_t>(group.slots.size());
    group.slots.push_back({member, directory.log.size()});
  } else if (op == Op::remove && slot != group.present.end()) {
    group.slots[slot->second].removed = directory.log.size();
    group.present.erase(slot);
  }
}

}  // namespace

void apply(Directory& directory, Op op, Group* group, const Uuid& member, const Stamp& stamp) {
  record(directory, op, group, member, stamp);
  if (op == Op::delete_user || op == Op::restore_user || op == Op::purge_user) {
    const auto user = directory.user_at.find(member);
    if (user != directory.user_at.end())
      make_user_change(directory, op, directory.users[user->second], stamp);
  } else if (group && (op == Op::add || op == Op::remove)) {
    make_member_change(directory, op, *group, member);
  } else if (group) {
    make_group_change(directory, op, *group);
  }
}

void purge_expired(Directory& directory, WallTime now) {
  const auto deleted = directory.deleted;  // purging takes from the list
  for (const Uuid& id : deleted) {
    const auto group = directory.groups.find(id);
    if (group != directory.groups.end() && group->second.deleted_at) {
      const WallTime end = *group->second.deleted_at + restorable_for;
      if (end <= now) apply(directory, Op::purge_group, &group->second, {}, {"", end});
    } else if (const auto user = directory.user_at.find(id); user != directory.user_at.end()) {
      const WallTime end = directory.users[user->second].deleted_at + restorable_for;
      if (end <= now) apply(directory, Op::purge_user, nullptr, id, {"", end});
    }
  }
}

namespace {
bool visible(const Slot& slot, Version version) {
  return slot.added <= version && version < slot.removed;
}
}  // namespace

MemberPage members_page(const Group& group, Version version, std::size_t from, std::size_t count) {
  MemberPage page;
  std::size_t at = from;
  for (; at < group.slots.size(); ++at) {
    if (!visible(group.slots[at], version)) continue;
    if (page.ids.size() == count) break;
    page.ids.push_back(group.slots[at].id);
  }
  if (at < group.slots.size()) page.next = at;
  return page;
}

std::size_t member_count(const Group& group, Version version) {
  return static_cast<std::size_t>(
      std::ranges::count_if(group.slots, [&](const Slot& slot) { return visible(slot, version); }));
}

std::vector<MemberChange> changed_members(const Directory& directory, const Group& group, Version from,
                                          Version to) {
  std::vector<MemberChange> changes;
  std::unordered_map<Uuid, std::size_t> at;
  for (auto entry = std::ranges::lower_bound(group.log, from); entry != group.log.end() && *entry < to;
       ++entry) {
    const Change& change = directory.log[*entry];
    if (change.op != Op::add && change.op != Op::remove) continue;
    const auto [known, fresh] = at.try_emplace(change.member, changes.size());
    if (fresh) changes.push_back({change.member, false});
    changes[known->second].present = change.op == Op::add;
  }
  return changes;
}

}  // namespace rollcall::sandbox_graph
