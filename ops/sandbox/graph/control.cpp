#include "ops/sandbox/graph/control.h"

#include "ops/sandbox/graph/entra.h"
#include "ops/sandbox/graph/seed.h"
#include "ops/sandbox/graph/subscriptions.h"

#include <algorithm>
#include <map>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

Response json(int status, const Json& body) {
  return {status, {{"Content-Type", "application/json"}}, dump(body)};
}
Response bad(const std::string& message) {
  return json(400, {{"error", {{"code", "BadRequest"}, {"message", message}}}});
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
      {"mailboxes", {{"at_once_max", stats.mailbox_at_once_max}, {"throttled", stats.mailbox_throttled}}},
      {"downloads", stats.downloads},
      {"invitations", stats.invitations},
      {"delta_links", state.deltas.size()},
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
  faults.applied_rate = rate("applied_rate");
  faults.envelope_rate = rate("envelope_rate");
  faults.token_rate = rate("token_rate");
  faults.token_cut_rate = rate("token_cut_rate");
  faults.short_page_rate = rate("short_page_rate");
  faults.sign_in_error = body.value("sign_in_error", std::string());
  faults.subscriptions = body.value("subscriptions", 0);
  faults.duplicate_subscriptions = body.value("duplicate_subscriptions", false);
  faults.patch_503_above = body.value("patch_503_above", -1);
  if (const Json status = body.value("status", Json(503)); status.is_array()) {
    faults.status = status.get<std::vector<int>>();
  } else {
    faults.status = {status.get<int>()};
  }
  const auto no_failure = [](int status) { return status < 400 || status > 599; };
  const Json groups = body.value("groups", Json::object());
  for (const auto& [group, status] : groups.items()) {
    const auto id = Uuid::parse(group);
    if (!id) return bad("groups: not a GUID: " + group);
    faults.groups[*id] = status.get<int>();
    if (no_failure(faults.groups[*id])) return bad("groups: a status must be from 400 to 599");
  }
  if (std::ranges::any_of(faults.status, no_failure)) return bad("status must be from 400 to 599");
  if (body.contains("seed")) state.random.seed(body["seed"].get<std::uint64_t>());
  state.faults = faults;
  return json(200, {{"ok", true}});
}

/// Bearer tokens live on: a reset is not a reason for a 401.
Response reset(State& state, const Request& request) {
  state.stats = {};
  if (request.query() == "only=stats") return json(200, {{"ok", true}});
  state.directory = {};
  state.office = {};
  state.application = {};
  state.notified = 0;
  state.faults = {};
  state.deltas.clear();
  state.subscriptions.clear();
  state.outgoing.clear();
  state.throttle.units.reset();
  state.throttle.writes.reset();
  state.throttle.owed = 0;
  return json(200, {{"ok", true}});
}

/// A new key signs from now on; the old ones stay published, unless this is the emergency kind.
Response roll_keys(State& state, const Json& body) {
  if (body.value("drop_old", false)) state.entra.keys.clear();
  state.entra.keys.push_back(SigningKey::generate());
  return json(200, {{"kid", state.entra.keys.back().kid()}, {"keys", state.entra.keys.size()}});
}

/// What somebody granted ends: refresh tokens that were issued until now are refused.
Response revoke(State& state, const Json& body, WallTime now) {
  static const std::map<std::string, Revocation> ways{
      {"sessions", Revocation::sessions}, {"consent", Revocation::consent}, {"policy", Revocation::policy}};
  const auto id = Uuid::parse(body.value("user", std::string()));
  if (!id) return bad("user must be an object id");
  const auto how = ways.find(body.value("how", std::string("sessions")));
  if (how == ways.end()) return bad("how must be 'sessions', 'consent' or 'policy'");
  state.entra.revoked[*id] = {now, how->second};
  return json(200, {{"ok", true}});
}

/// Every access token for Graph that is good: what a test looks for where no token may be.
Response tokens_of(const State& state) {
  Json tokens = Json::array();
  for (const auto& [bearer, end] : state.tokens)
    tokens.push_back(bearer);
  return json(200, {{"tokens", std::move(tokens)}});
}

Response post(const Request& request, State& state, const std::string& what, WallTime now) {
  JsonLimits limits;
  limits.bytes_max = std::size_t{256} * 1024 * 1024;
  const auto body = request.body.empty() ? Result<Json>(Json::object()) : parse_json(request.body, limits);
  if (!body) return bad(body.error().message);
  if (!body->is_object()) return bad("the body must be a JSON object");
  if (what == "faults") return set_faults(state, *body);
  if (what == "reset") return reset(state, request);
  if (what == "seed") {
    const auto made = seed(state, *body, now);
    return made ? json(200, *made) : bad(made.error().message);
  }
  if (what == "token") {
    const auto made = mint_token(request, state, *body, now);
    return made ? json(200, *made) : bad(made.error().message);
  }
  if (what == "expire-tokens") {
    state.tokens.clear();
    return json(200, {{"ok", true}});
  }
  if (what == "roll-keys") return roll_keys(state, *body);
  if (what == "lifecycle") {
    const auto event = text_member(*body, "event");
    if (event != "reauthorizationRequired" && event != "subscriptionRemoved" && event != "missed")
      return bad("event must be 'reauthorizationRequired', 'subscriptionRemoved' or 'missed'");
    notify_lifecycle(state, event);
    return json(200, {{"ok", true}});
  }
  if (what == "revoke") return revoke(state, *body, now);
  if (what == "expire-delta") {
    state.delta_loss = body->value("mode", std::string("sync_state_not_found"));
    if (state.delta_loss != "gone" && state.delta_loss != "sync_state_not_found")
      return bad("mode must be 'gone' or 'sync_state_not_found'");
    state.delta_lost_before = now;
    return json(200, {{"ok", true}});
  }
  return json(404, {{"error", {{"code", "NotFound"}, {"message", "no such control"}}}});
}

}  // namespace

Response control(const Request& request, State& state, WallTime now) {
  const std::string path(request.path());
  const std::string what = path.size() > 9 ? path.substr(9) : "";
  try {
    if (request.method == "POST") return post(request, state, what, now);
  } catch (const Json::exception& error) {
    return bad(error.what());
  }
  if (what == "stats") return json(200, stats_json(state));
  if (what == "tokens") return tokens_of(state);
  if (what == "log") return log_of(state, request);
  constexpr std::string_view head = "groups/";
  constexpr std::string_view tail = "/members";
  if (what.starts_with(head) && what.ends_with(tail) && what.size() > head.size() + tail.size())
    return true_members(state, what.substr(head.size(), what.size() - head.size() - tail.size()));
  return json(404, {{"error", {{"code", "NotFound"}, {"message", "no such control"}}}});
}

}  // namespace rollcall::sandbox_graph
