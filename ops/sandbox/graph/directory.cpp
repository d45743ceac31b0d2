#include "ops/sandbox/graph/directory.h"

#include <algorithm>
#include <cctype>

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

const char* to_string(Op op) {
  switch (op) {
    case Op::add:
      return "add";
    case Op::remove:
      return "remove";
    case Op::create_group:
      return "create_group";
    case Op::delete_group:
      return "delete_group";
    case Op::restore_group:
      return "restore_group";
    case Op::delete_user:
      return "delete_user";
  }
  return "";
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Version version_at(const Directory& directory, WallTime time) {
  const auto end = std::ranges::upper_bound(directory.log, time, {}, &Change::at);
  return static_cast<Version>(end - directory.log.begin());
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
  record(directory, Op::add, &group, member, stamp);
  group.present[member] = static_cast<std::uint32_t>(group.slots.size());
  group.slots.push_back({member, directory.log.size()});
}

void remove_member(Directory& directory, Group& group, const Uuid& member, const Stamp& stamp) {
  record(directory, Op::remove, &group, member, stamp);
  const auto slot = group.present.find(member);
  group.slots[slot->second].removed = directory.log.size();
  group.present.erase(slot);
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
