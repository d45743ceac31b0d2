#include "ops/sandbox/graph/control.h"

#include <algorithm>

#include <fmt/format.h>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

constexpr std::size_t generated_max = 2'000'000;

Response json(int status, const Json& body) {
  return {status, {{"Content-Type", "application/json"}}, dump(body)};
}
Response bad(const std::string& message) {
  return json(400, {{"error", {{"code", "BadRequest"}, {"message", message}}}});
}

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
  group.owners = ids_of(input, "owners");
  group.created_at = now;
  put_group(state.directory, std::move(group), members);
  return id;
}

void generate_users(State& state, std::size_t count, const std::string& domain) {
  if (count > generated_max) reject("too many users");
  state.directory.users.reserve(state.directory.users.size() + count);
  for (std::size_t i = 1; i <= count; ++i) {
    const std::string address = fmt::format("user{}@{}", i, domain);
    put_user(state.directory,
             {user_id(i), address, address, fmt::format("User {}", i), "Member", {"SMTP:" + address}, false});
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
    for (std::size_t i = 1; i <= groups.get<std::size_t>(); ++i) {
      Json one{{"members", input.value("members", std::size_t{0})},
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

Json stats_json(const State& state) {
  const Stats& stats = state.stats;
  return {
      {"http", stats.http},
      {"batches", stats.batches},
      {"tokens", stats.tokens},
      {"reads", stats.reads},
      {"writes", stats.writes},
      {"resource_units", stats.units},
      {"throttled", stats.throttled},
      {"unauthorized", stats.unauthorized},
      {"faults", stats.faults},
      {"members_added", stats.members_added},
      {"members_removed", stats.members_removed},
      {"removed_users", stats.users_removed},
      {"operations", stats.operations},
      {"distinct", {{"operations", stats.operations.size()}, {"groups", stats.groups_touched.size()}}},
      {"directory", {{"users", state.directory.users.size()}, {"groups", state.directory.groups.size()}}}};
}

Response true_members(State& state, const std::string& name) {
  const auto id = Uuid::parse(name);
  const Group* group = id ? find_group(state.directory, *id) : nullptr;
  if (!group) return json(404, {{"error", {{"code", "NotFound"}, {"message", "no such group"}}}});
  Json ids = Json::array();
  for (const Slot& slot : group->slots)
    if (slot.removed == never) ids.push_back(slot.id.to_string());
  return json(200, {{"count", ids.size()}, {"members", std::move(ids)}});
}

Response log_of(const State& state, const Request& request) {
  std::optional<Uuid> only;
  for (const auto& [name, value] : http_server::parse_query(request.query()))
    if (name == "group" && !(only = Uuid::parse(value))) return bad("not a GUID: " + value);
  Json entries = Json::array();
  for (const Change& change : state.directory.log) {
    if (only && change.group != *only) continue;
    Json entry{{"op", to_string(change.op)},
               {"group", change.group.to_string()},
               {"request_id", change.request_id},
               {"at", to_rfc3339(change.at)}};
    if (!change.member.is_nil()) entry["member"] = change.member.to_string();
    entries.push_back(std::move(entry));
  }
  return json(200, {{"log", std::move(entries)}});
}

Response set_faults(State& state, const Json& body) {
  Faults faults;
  const auto rate = [&](const char* name) { return std::clamp(body.value(name, 0.0), 0.0, 1.0); };
  faults.rate = rate("rate");
  faults.cut_after_write_rate = rate("cut_after_write_rate");
  faults.drop_part_rate = rate("drop_part_rate");
  faults.page_fail_rate = rate("page_fail_rate");
  faults.patch_503_above = body.value("patch_503_above", -1);
  if (const Json status = body.value("status", Json(503)); status.is_array()) {
    faults.status = status.get<std::vector<int>>();
  } else {
    faults.status = {status.get<int>()};
  }
  if (std::ranges::any_of(faults.status, [](int one) { return one < 400 || one > 599; }))
    return bad("status must be from 400 to 599");
  if (body.contains("seed")) state.random.seed(body["seed"].get<std::uint64_t>());
  state.faults = faults;
  return json(200, {{"ok", true}});
}

/// Bearer tokens live on: a reset is not a reason for a 401.
Response reset(State& state, const Request& request) {
  state.stats = {};
  if (request.query() == "only=stats") return json(200, {{"ok", true}});
  state.directory = {};
  state.faults = {};
  state.deltas.clear();
  state.throttle.units.reset();
  state.throttle.writes.reset();
  return json(200, {{"ok", true}});
}

Response post(const Request& request, State& state, const std::string& what, WallTime now) {
  JsonLimits limits;
  limits.bytes_max = 256 * 1024 * 1024;
  const auto body = request.body.empty() ? Result<Json>(Json::object()) : parse_json(request.body, limits);
  if (!body) return bad(body.error().message);
  if (!body->is_object()) return bad("the body must be a JSON object");
  if (what == "faults") return set_faults(state, *body);
  if (what == "reset") return reset(state, request);
  if (what == "seed") {
    const auto made = seed(state, *body, now);
    return made ? json(200, *made) : bad(made.error().message);
  }
  if (what == "expire-tokens") {
    state.tokens.clear();
    return json(200, {{"ok", true}});
  }
  if (what != "expire-delta")
    return json(404, {{"error", {{"code", "NotFound"}, {"message", "no such control"}}}});
  state.delta_loss = text(*body, "mode", "sync_state_not_found");
  state.delta_lost_before = now;
  return json(200, {{"ok", true}});
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
    return Json{{"users", state.directory.users.size()}, {"groups", std::move(ids)}};
  } catch (const std::exception& error) {
    return unexpected(Problem{"seed_invalid", error.what()});
  }
}

Response control(const Request& request, State& state, WallTime now) {
  const std::string path(request.path());
  const std::string what = path.size() > 9 ? path.substr(9) : "";
  try {
    if (request.method == "POST") return post(request, state, what, now);
  } catch (const Json::exception& error) {
    return bad(error.what());
  }
  if (what == "stats") return json(200, stats_json(state));
  if (what == "log") return log_of(state, request);
  constexpr std::string_view head = "groups/";
  constexpr std::string_view tail = "/members";
  if (what.starts_with(head) && what.ends_with(tail) && what.size() > head.size() + tail.size())
    return true_members(state, what.substr(head.size(), what.size() - head.size() - tail.size()));
  return json(404, {{"error", {{"code", "NotFound"}, {"message", "no such control"}}}});
}

}  // namespace rollcall::sandbox_graph
