#include "workers/token_renewal/adapters/graph_subscriptions.h"

#include "common/core/error.h"
#include "common/graph/reads.h"

#include <utility>

namespace rollcall::token_renewal {
namespace {

/// Of 100 subscriptions, which is all that an app may have of groups and users, and some of other kinds.
constexpr int pages_max = 20;
constexpr std::chrono::milliseconds pause_unless_told{10'000};

std::string path_of(const Uuid& id) {
  return "/subscriptions/" + id.to_string();
}

graph::Response send(graph::Client& client, const graph::CallContext& call, std::string method,
                     std::string url, std::optional<Json> body = std::nullopt) {
  graph::Request request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::move(body);
  auto response = client.send(request, call);
  if (response.status == 429)
    throw Error(Fault::throttled, "throttled", "Microsoft Graph asked for a pause",
                response.retry_after.value_or(pause_unless_told));
  if (response.status == 0 || response.status == 408 || response.status >= 500)
    throw Error(Fault::transient, "graph_unavailable",
                "Microsoft Graph does not see to the subscription: " + graph::describe(response),
                response.retry_after);
  return response;
}

}  // namespace

std::optional<Listed> read_subscription(const Json& body) {
  const auto id = Uuid::parse(text_member(body, "id"));
  const auto expires_at = parse_rfc3339(text_member(body, "expirationDateTime"));
  if (!id || !expires_at) return std::nullopt;
  return Listed{*id,
                text_member(body, "resource"),
                text_member(body, "changeType"),
                text_member(body, "notificationUrl"),
                text_member(body, "lifecycleNotificationUrl"),
                *expires_at};
}

std::optional<std::vector<Listed>> list_subscriptions(graph::Client& client, const graph::CallContext& call,
                                                      graph::Response& refused) {
  std::vector<Listed> all;
  std::string url = "/subscriptions";
  for (int page = 0; page < pages_max && !url.empty(); ++page) {
    auto response = send(client, call, "GET", url);
    if (!response.ok()) {
      refused = std::move(response);
      return std::nullopt;
    }
    const auto value = response.body.is_object() ? response.body.find("value") : response.body.end();
    // An answer that lists nothing and one that cannot be read must not look the same.
    if (!response.body.is_object() || value == response.body.end() || !value->is_array())
      throw Error(Fault::transient, "graph_unavailable", "Microsoft Graph lists subscriptions unreadably");
    for (const Json& one : *value)
      if (auto listed = read_subscription(one)) all.push_back(std::move(*listed));
    url = text_member(response.body, "@odata.nextLink");
  }
  return all;
}

graph::Response create_subscription(graph::Client& client, const graph::CallContext& call,
                                    const std::string& url, const std::string& client_state,
                                    WallTime expires_at) {
  return send(client, call, "POST", "/subscriptions",
              Json{{"changeType", change_types},
                   {"resource", std::string("/") + resource},
                   {"notificationUrl", url},
                   {"lifecycleNotificationUrl", url},
                   {"expirationDateTime", to_rfc3339(expires_at)},
                   {"clientState", client_state}});
}

graph::Response renew_subscription(graph::Client& client, const graph::CallContext& call, const Uuid& id,
                                   WallTime expires_at) {
  return send(client, call, "PATCH", path_of(id), Json{{"expirationDateTime", to_rfc3339(expires_at)}});
}

graph::Response delete_subscription(graph::Client& client, const graph::CallContext& call, const Uuid& id) {
  return send(client, call, "DELETE", path_of(id));
}

}  // namespace rollcall::token_renewal
