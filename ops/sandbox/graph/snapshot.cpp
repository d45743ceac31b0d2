#include "ops/sandbox/graph/snapshot.h"

#include <algorithm>
#include <array>

namespace rollcall::sandbox_graph {
namespace {

constexpr std::array<const char*, 6> kinds = {"microsoft365", "security",      "dynamic",
                                              "on_premises",  "mail_security", "role_assignable"};

std::string name_of(GroupKind kind) {
  return *std::ranges::find_if(kinds, [&](const char* name) { return parse_kind(name) == kind; });
}

Json texts(const std::vector<Uuid>& ids) {
  Json list = Json::array();
  for (const Uuid& id : ids)
    list.push_back(id.to_string());
  return list;
}

Json user_seed(const User& user) {
  Json seed = {{"id", user.id.to_string()},
               {"userPrincipalName", user.upn},
               {"displayName", user.display_name},
               {"userType", user.user_type}};
  if (!user.mail.empty()) seed["mail"] = user.mail;
  if (!user.proxies.empty()) seed["proxyAddresses"] = user.proxies;
  return seed;
}

}  // namespace

Json snapshot(const Directory& directory) {
  Json users = Json::array();
  for (const User& user : directory.users)
    if (!user.deleted) users.push_back(user_seed(user));
  Json groups = Json::array();
  for (const Uuid& id : directory.group_order) {
    const Group& group = directory.groups.at(id);
    if (group.deleted_at || group.purged) continue;
    std::vector<Uuid> members;
    for (const Slot& slot : group.slots)
      if (slot.removed == never) members.push_back(slot.id);
    groups.push_back({{"id", id.to_string()},
                      {"displayName", group.display_name},
                      {"kind", name_of(group.kind)},
                      {"members", texts(members)},
                      {"owners", texts(group.owners)}});
  }
  return {{"users", std::move(users)}, {"groups", std::move(groups)}};
}

}  // namespace rollcall::sandbox_graph
