#include "ops/sandbox/graph/snapshot.h"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <unordered_set>

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
  if (!user.enabled) seed["accountEnabled"] = false;
  if (!user.mail.empty()) seed["mail"] = user.mail;
  if (!user.proxies.empty()) seed["proxyAddresses"] = user.proxies;
  return seed;
}

/// With the members it began with: the others came and went in the history.
Json group_seed(const Group& group) {
  std::vector<Uuid> members;
  for (const Slot& slot : group.slots)
    if (slot.added == 0) members.push_back(slot.id);
  Json seed{{"id", group.id.to_string()},          {"displayName", group.display_name},
            {"mailNickname", group.mail_nickname}, {"visibility", group.visibility},
            {"kind", name_of(group.kind)},         {"createdDateTime", to_rfc3339(group.created_at)},
            {"members", texts(members)},           {"owners", texts(group.owners)}};
  if (!group.description.empty()) seed["description"] = group.description;
  if (group.forbids_guests) seed["forbids_guests"] = true;
  if (!group.unique_name.empty()) seed["uniqueName"] = group.unique_name;
  if (group.also_security) seed["securityEnabled"] = true;
  return seed;
}

/// One entry an array, since there may be millions. The last element says whether the entry still means
/// something: a group that was seeded anew has left its past behind.
Json log_entries(const Directory& directory) {
  std::unordered_set<std::uint64_t> of_groups;
  for (const auto& [id, group] : directory.groups)
    of_groups.insert(group.log.begin(), group.log.end());
  Json entries = Json::array();
  for (std::size_t i = 0; i < directory.log.size(); ++i) {
    const Change& change = directory.log[i];
    entries.push_back(Json::array({to_string(change.op), change.group.to_string(), change.member.to_string(),
                                   change.request_id, to_rfc3339(change.at),
                                   change.group.is_nil() || of_groups.contains(i)}));
  }
  return entries;
}

/// Each question once: hundreds of links may share it. Pages under way are not kept; their rounds start
/// again.
Json delta_links(const State& state) {
  std::map<const DeltaQuestion*, std::size_t> number;
  Json questions = Json::array();
  Json links = Json::array();
  for (const auto& [name, token] : state.deltas) {
    if (token.page) continue;
    const auto [known, fresh] = number.try_emplace(token.question.get(), number.size());
    if (fresh)
      questions.push_back({{"all", token.question->all},
                           {"select", token.question->select},
                           {"groups", token.question->all ? Json::array() : texts(token.question->groups)}});
    links.push_back(Json::array({name, known->second, token.from, to_rfc3339(token.issued)}));
  }
  return {{"questions", std::move(questions)}, {"links", std::move(links)}};
}

Uuid id_of(const Json& text) {
  const auto id = Uuid::parse(text.get_ref<const std::string&>());
  if (!id) throw std::invalid_argument("not a GUID: " + dump(text));
  return *id;
}

WallTime time_of(const Json& text) {
  const auto time = parse_rfc3339(text.get_ref<const std::string&>());
  if (!time) throw std::invalid_argument("not a time: " + dump(text));
  return *time;
}

/// A purge of a user brings its removals along, which stand in the log themselves.
void replay(Directory& directory, const Json& entry) {
  const auto op = parse_op(entry.at(0).get_ref<const std::string&>());
  if (!op) throw std::invalid_argument("not an operation: " + dump(entry.at(0)));
  const Uuid group = id_of(entry.at(1));
  const Uuid member = id_of(entry.at(2));
  const Stamp stamp{entry.at(3), time_of(entry.at(4))};
  const auto at = directory.groups.find(group);
  Group* const known = at == directory.groups.end() || !entry.at(5).get<bool>() ? nullptr : &at->second;
  if (*op == Op::purge_user || (!group.is_nil() && !known)) {
    record(directory, *op, nullptr, member, stamp);
    directory.log.back().group = group;
    const auto user = directory.user_at.find(member);
    if (*op == Op::purge_user && user != directory.user_at.end())
      directory.users[user->second].deleted = directory.users[user->second].purged = true;
    if (*op == Op::purge_user) std::erase(directory.deleted, member);
    return;
  }
  apply(directory, *op, known, member, stamp);
}

}  // namespace

Json snapshot(const State& state) {
  Json users = Json::array();
  for (const User& user : state.directory.users)
    users.push_back(user_seed(user));
  Json groups = Json::array();
  for (const Uuid& id : state.directory.group_order)
    groups.push_back(group_seed(state.directory.groups.at(id)));
  Json keys = Json::array();
  for (const SigningKey& key : state.entra.keys)
    keys.push_back(key.pem());
  std::ostringstream random;
  random << state.random;  // or the ids of before would be given out again
  return {{"users", std::move(users)},
          {"groups", std::move(groups)},
          {"application",
           {{"permissions", state.application.permissions},
            {"passwordCredentials", state.application.secrets},
            {"keyCredentials", state.application.certificates}}},
          {"history",
           {{"log", log_entries(state.directory)},
            {"delta", delta_links(state)},
            {"keys", std::move(keys)},
            {"random", random.str()}}}};
}

void restore_history(State& state, const Json& history) {
  Directory& directory = state.directory;
  for (const Json& entry : history.at("log"))
    replay(directory, entry);
  std::vector<std::shared_ptr<const DeltaQuestion>> questions;
  for (const Json& question : history.at("delta").at("questions")) {
    DeltaQuestion read{{}, question.at("all"), question.at("select")};
    for (const Json& id : question.at("groups"))
      read.groups.push_back(id_of(id));
    if (read.all) read.groups = directory.group_order;
    questions.push_back(std::make_shared<const DeltaQuestion>(std::move(read)));
  }
  for (const Json& link : history.at("delta").at("links")) {
    DeltaToken token;
    token.question = questions.at(link.at(1));
    token.from = token.to = link.at(2);
    token.issued = time_of(link.at(3));
    state.deltas[link.at(0)] = std::move(token);
  }
  for (const Json& key : history.at("keys"))
    state.entra.keys.push_back(SigningKey::from_pem(key.get_ref<const std::string&>()));
  std::istringstream(history.at("random").get<std::string>()) >> state.random;
}

}  // namespace rollcall::sandbox_graph
