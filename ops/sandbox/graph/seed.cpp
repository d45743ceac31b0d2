#include "ops/sandbox/graph/seed.h"

#include "ops/sandbox/graph/snapshot.h"

#include <algorithm>

#include <fmt/format.h>

namespace rollcall::sandbox_graph {
namespace {

constexpr std::size_t generated_max = 2'000'000;

/// The same ids every time, so that a test can name them.
Uuid generated_id(const char* prefix, std::size_t number) {
  return *Uuid::parse(fmt::format("{}-0000-4000-8000-{:012x}", prefix, number));
}
Uuid user_id(std::size_t number) {
  return generated_id("00000001", number);
}
Uuid group_id(std::size_t number) {
  return generated_id("00000002", number);
}

/// Seeds come from tests' authors: a wrong one is a sentence, thrown here and caught in seed().
[[noreturn]] void reject(const std::string& message) {
  throw std::invalid_argument(message);
}

Uuid id_of(const Json& value) {
  const auto id = value.is_string() ? Uuid::parse(value.get_ref<const std::string&>()) : std::nullopt;
  if (!id) reject("not a GUID: " + dump(value));
  return *id;
}

std::string text(const Json& object, const char* name, std::string fallback = {}) {
  const Json value = object.value(name, Json());
  return value.is_string() ? value.get<std::string>() : std::move(fallback);
}

std::vector<Uuid> ids_of(const Json& object, const char* name) {
  std::vector<Uuid> ids;
  for (const Json& id : object.value(name, Json::array()))
    ids.push_back(id_of(id));
  return ids;
}

void seed_user(State& state, const Json& input) {
  User user;
  user.id = id_of(input.value("id", Json()));
  user.mail = text(input, "mail");
  user.upn = text(input, "userPrincipalName",
                  user.mail.empty() ? user.id.to_string() + "@contoso.example" : user.mail);
  user.display_name = text(input, "displayName", user.upn);
  user.user_type = text(input, "userType", "Member");
  user.enabled = input.value("accountEnabled", true);
  for (const Json& proxy : input.value("proxyAddresses", Json::array()))
    user.proxies.push_back(proxy.get<std::string>());
  put_user(state.directory, std::move(user));
}

Uuid seed_group(State& state, const Json& input, const Uuid& id, const std::vector<Uuid>& members,
                WallTime now) {
  Group group;
  group.id = id;
  const auto kind = parse_kind(text(input, "kind", "microsoft365"));
  if (!kind) reject("unknown kind: " + text(input, "kind"));
  group.kind = *kind;
  group.display_name = text(input, "displayName", "Group " + id.to_string().substr(28));
  group.mail_nickname = text(input, "mailNickname", "group-" + id.to_string());
  group.forbids_guests = input.value("forbids_guests", false);
  group.unique_name = text(input, "uniqueName", "");
  group.also_security = input.value("securityEnabled", false);
  group.owners = ids_of(input, "owners");
  group.description = text(input, "description");
  group.visibility = text(input, "visibility", "Private");
  group.created_at = parse_rfc3339(text(input, "createdDateTime")).value_or(now);
  put_group(state.directory, std::move(group), members);
  return id;
}

void generate_users(State& state, std::size_t count, const std::string& domain) {
  if (count > generated_max) reject("too many users");
  state.directory.users.reserve(state.directory.users.size() + count);
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string address = fmt::format("user{}@{}", i, domain);
    User user;
    user.id = user_id(i);
    user.mail = user.upn = address;
    user.display_name = fmt::format("User {}", i);
    user.proxies = {"SMTP:" + address};
    put_user(state.directory, std::move(user));
  }
}

/// M users in a row, from "offset" on, around the end.
std::vector<Uuid> generated_members(const Json& input, std::size_t users) {
  const auto count = input.value("members", std::size_t{0});
  const auto offset = input.value("offset", std::size_t{0});
  if (count > users) reject("a group cannot have more members than there are users");
  std::vector<Uuid> members;
  members.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    members.push_back(user_id((offset + i) % users + 1));
  return members;
}

void generate(State& state, const Json& input, Json& ids, WallTime now) {
  const auto users = input.value("users", std::size_t{0});
  generate_users(state, users, text(input, "domain", "contoso.example"));
  const Json groups = input.value("groups", Json::array());
  if (groups.is_number_unsigned()) {
    if (groups.get<std::size_t>() > generated_max) reject("too many groups");
    Json owners = Json::array();
    for (std::size_t i = 1; i <= std::min(input.value("owners", std::size_t{0}), users); ++i)
      owners.push_back(user_id(i).to_string());
    for (std::size_t i = 1; i <= groups.get<std::size_t>(); ++i) {
      Json one{{"members", input.value("members", std::size_t{0})},
               {"owners", owners},
               {"offset", i - 1},
               {"kind", text(input, "kind", "microsoft365")}};
      ids.push_back(seed_group(state, one, group_id(i), generated_members(one, users), now).to_string());
    }
    return;
  }
  std::size_t number = 0;
  for (const Json& group : groups) {
    ++number;
    const Uuid id = group.contains("id") ? id_of(group["id"]) : group_id(number);
    ids.push_back(seed_group(state, group, id, generated_members(group, users), now).to_string());
  }
}

/// Secrets and certificates as Graph shows them: keyId, displayName, endDateTime.
void seed_application(State& state, const Json& input) {
  auto& application = state.application;
  application.permissions = input.value("permissions", application.permissions);
  application.secrets = input.value("passwordCredentials", Json::array());
  application.certificates = input.value("keyCredentials", Json::array());
}

}  // namespace

Result<Json> seed(State& state, const Json& input, WallTime now) {
  try {
    Json ids = Json::array();
    for (const Json& user : input.value("users", Json::array()))
      seed_user(state, user);
    for (const Json& group : input.value("groups", Json::array()))
      ids.push_back(seed_group(state, group, id_of(group.value("id", Json())), ids_of(group, "members"), now)
                        .to_string());
    if (input.contains("generate")) generate(state, input["generate"], ids, now);
    if (input.contains("application")) seed_application(state, input["application"]);
    if (input.contains("history")) restore_history(state, input["history"]);
    return Json{{"users", state.directory.users.size()}, {"groups", std::move(ids)}};
  } catch (const std::exception& error) {
    return unexpected(Problem{"seed_invalid", error.what()});
  }
}

}  // namespace rollcall::sandbox_graph
