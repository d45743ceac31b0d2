#include "ops/sandbox/graph/subscriptions.h"

#include "common/core/percent.h"
#include "ops/sandbox/graph/graph_api.h"
#include "ops/sandbox/graph/identity.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

/// subscription, change-notifications-delivery-webhooks, -lifecycle-events; of groups only.
namespace rollcall::sandbox_graph {
namespace {

constexpr std::chrono::minutes lifetime_max{41'760};
constexpr std::chrono::minutes lifetime_min{45};
constexpr std::chrono::minutes warned_before{15};
constexpr std::size_t subscriptions_max = 100;  // of an app in a tenant
constexpr std::size_t client_state_max = 128;

Answer validation_error(const std::string& message) {
  return fail(400, "ValidationError", message);
}

/// https, or this machine: the sandbox is for trying out.
bool acceptable(const std::string& url) {
  return url.starts_with("https://") || url.starts_with("http://127.0.0.1") ||
         url.starts_with("http://localhost");
}

Json shown(const State& state, const Subscription& one) {
  return {{"id", one.id.to_string()},
          {"resource", one.resource},
          {"applicationId", client_id(state)},
          {"changeType", one.change_type},
          {"clientState", nullptr},  // never given back (subscription-list)
          {"notificationUrl", one.url},
          {"lifecycleNotificationUrl", one.lifecycle_url.empty() ? Json(nullptr) : Json(one.lifecycle_url)},
          {"expirationDateTime", to_rfc3339(one.expires_at)},
          {"creatorId", client_id(state)},
          {"includeResourceData", nullptr}};
}

void drop_ended(State& state, WallTime now) {
  std::erase_if(state.subscriptions, [&](const Subscription& one) { return one.expires_at <= now; });
}

Subscription* find(State& state, const std::string& name) {
  const auto id = Uuid::parse(name);
  const auto found =
      std::ranges::find_if(state.subscriptions, [&](const Subscription& one) { return id && one.id == *id; });
  return found == state.subscriptions.end() ? nullptr : &*found;
}

Answer no_subscription(const std::string& id) {
  return fail(404, "ResourceNotFound", "The object was not found: subscription '" + id + "'.");
}

std::optional<Answer> refused(const State& state) {
  if (state.faults.subscriptions == 0) return std::nullopt;
  return failure(state.faults.subscriptions, state.faults.subscriptions == 403
                                                 ? "Operation: Create; Exception: [Status Code: Forbidden]"
                                                 : "An injected fault.");
}

/// Problem: what is wrong with the time asked for.
Result<WallTime> end_of(const Json& body, WallTime now) {
  const auto asked = parse_rfc3339(text_member(body, "expirationDateTime"));
  if (!asked) return unexpected(Problem{"", "expirationDateTime is required."});
  if (*asked <= now) return unexpected(Problem{"", "Subscription expiration can only be in the future."});
  if (*asked > now + lifetime_max)
    return unexpected(Problem{"", "Subscription expiration can only be " +
                                      std::to_string(lifetime_max.count()) + " minutes in the future."});
  return std::max(*asked, now + lifetime_min);
}

bool of_groups(const std::string& resource) {
  const std::string name = lower(resource);
  return name == "groups" || name == "/groups";
}

Json envelope(std::vector<Json> items) {
  return {{"value", std::move(items)}};
}

Json head_of(const State& state, const Subscription& one) {
  return {{"subscriptionId", one.id.to_string()},
          {"subscriptionExpirationDateTime", to_rfc3339(one.expires_at)},
          {"clientState", one.client_state.empty() ? Json(nullptr) : Json(one.client_state)},
          {"tenantId", tenant_id(state, "")}};
}

Notification changed(const State& state, const Subscription& one, const std::set<Uuid>& groups,
                     const char* change) {
  std::vector<Json> items;
  for (const Uuid& group : groups) {
    Json item = head_of(state, one);
    item["changeType"] = change;
    item["resource"] = "Groups/" + group.to_string();
    item["resourceData"] = {{"@odata.type", "#Microsoft.Graph.Group"},
                            {"@odata.id", "Groups/" + group.to_string()},
                            {"id", group.to_string()}};
    items.push_back(std::move(item));
  }
  return {one.url, dump(envelope(std::move(items)))};
}

Notification lifecycle(const State& state, const Subscription& one, const std::string& event) {
  Json item = head_of(state, one);
  item["lifecycleEvent"] = event;
  item["resource"] = one.resource;
  return {one.lifecycle_url, dump(envelope({std::move(item)}))};
}

bool fires(const Subscription& one, std::string_view change) {
  return lower(one.change_type).find(change) != std::string::npos;
}

}  // namespace

std::string Handshake::url(std::size_t i) const {
  const std::string& base = urls.at(i);
  return base + (base.find('?') == std::string::npos ? "?" : "&") +
         "validationToken=" + percent_encode(token);
}

bool Handshake::accepts(int status, std::string_view content_type, std::string_view body) const {
  return status == 200 && lower(content_type).starts_with("text/plain") && body == token;
}

std::optional<Handshake> handshake_of(const http_server::Request& request, State& state) {
  if (request.method != "POST" || request.path() != "/v1.0/subscriptions") return std::nullopt;
  const auto body = parse_json(request.body);
  if (!body) return std::nullopt;
  Handshake handshake{{},
                      "Validation: Testing client application reachability for subscription Request-Id: " +
                          random_uuid(state)};
  for (const char* name : {"notificationUrl", "lifecycleNotificationUrl"})
    if (const auto url = text_member(*body, name); acceptable(url)) handshake.urls.push_back(url);
  if (handshake.urls.empty()) return std::nullopt;
  return handshake;
}

Answer create_subscription(State& state, const Call& call, WallTime now) {
  drop_ended(state, now);
  if (auto refusal = refused(state)) return *refusal;
  Subscription one;
  one.resource = text_member(call.body, "resource");
  one.change_type = text_member(call.body, "changeType");
  one.url = text_member(call.body, "notificationUrl");
  one.lifecycle_url = text_member(call.body, "lifecycleNotificationUrl");
  one.client_state = text_member(call.body, "clientState");
  if (!of_groups(one.resource)) return fail(400, "BadRequest", "The sandbox notifies of groups only.");
  if (!fires(one, "updated") && !fires(one, "deleted"))
    return validation_error("changeType must be updated, deleted or both.");
  if (!acceptable(one.url) || (!one.lifecycle_url.empty() && !acceptable(one.lifecycle_url)))
    return validation_error("Notification URLs must start with 'https'.");
  if (one.client_state.size() > client_state_max)
    return validation_error("clientState is longer than 128 characters.");
  const auto end = end_of(call.body, now);
  if (!end) return validation_error(end.error().message);
  one.expires_at = *end;
  if (state.subscriptions.size() >= subscriptions_max)
    return fail(403, "Forbidden", "The maximum number of subscriptions for this application is reached.");
  const bool twice = std::ranges::any_of(state.subscriptions, [&](const Subscription& other) {
    return of_groups(other.resource) && lower(other.change_type) == lower(one.change_type);
  });
  if (twice && !state.faults.duplicate_subscriptions)
    return fail(409, "Conflict", "A subscription of this changeType to this resource exists already.");
  if (!state.handshake_failure.empty()) return validation_error(state.handshake_failure);
  one.id = *Uuid::parse(random_uuid(state));
  state.subscriptions.push_back(one);
  return {201, shown(state, one), {}};
}

Answer list_subscriptions(State& state, const Call&, WallTime now) {
  drop_ended(state, now);
  Json value = Json::array();
  for (const Subscription& one : state.subscriptions)
    value.push_back(shown(state, one));
  return {200, {{"value", std::move(value)}}, {}};
}

Answer get_subscription(State& state, const Call& call, WallTime now) {
  drop_ended(state, now);
  const Subscription* one = find(state, call.segments[1]);
  if (!one) return no_subscription(call.segments[1]);
  return {200, shown(state, *one), {}};
}

Answer renew_subscription(State& state, const Call& call, WallTime now) {
  drop_ended(state, now);
  if (auto refusal = refused(state)) return *refusal;
  Subscription* one = find(state, call.segments[1]);
  if (!one) return no_subscription(call.segments[1]);
  const auto end = end_of(call.body, now);
  if (!end) return validation_error(end.error().message);
  one->expires_at = *end;
  one->warned = false;
  return {200, shown(state, *one), {}};
}

Answer delete_subscription(State& state, const Call& call, WallTime now) {
  drop_ended(state, now);
  const Subscription* one = find(state, call.segments[1]);
  if (!one) return no_subscription(call.segments[1]);
  state.subscriptions.erase(state.subscriptions.begin() + (one - state.subscriptions.data()));
  return {204, {}, {}};
}

std::vector<Notification> take_notifications(State& state, WallTime now) {
  drop_ended(state, now);
  auto outgoing = std::exchange(state.outgoing, {});
  std::set<Uuid> updated, deleted;
  if (state.subscriptions.empty()) state.notified = state.directory.log.size();
  const auto& log = state.directory.log;
  for (std::size_t i = std::min(state.notified, log.size()); i < log.size(); ++i)
    if (!log[i].group.is_nil()) (log[i].op == Op::purge_group ? deleted : updated).insert(log[i].group);
  state.notified = log.size();
  for (Subscription& one : state.subscriptions) {
    if (!updated.empty() && fires(one, "updated"))
      outgoing.push_back(changed(state, one, updated, "updated"));
    if (!deleted.empty() && fires(one, "deleted"))
      outgoing.push_back(changed(state, one, deleted, "deleted"));
    if (one.warned || one.lifecycle_url.empty() || one.expires_at > now + warned_before) continue;
    one.warned = true;
    outgoing.push_back(lifecycle(state, one, "reauthorizationRequired"));
  }
  return outgoing;
}

void notify_lifecycle(State& state, const std::string& event) {
  for (const Subscription& one : state.subscriptions)
    if (!one.lifecycle_url.empty()) state.outgoing.push_back(lifecycle(state, one, event));
  if (event == "subscriptionRemoved") state.subscriptions.clear();
}

}  // namespace rollcall::sandbox_graph
