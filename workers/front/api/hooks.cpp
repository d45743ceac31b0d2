#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "workers/front/adapters/hook_store.h"
#include "workers/front/api/area.h"

#include <set>

/// Where Microsoft Graph tells that a group changed. It is only a reason to look: schedules find out without
/// it.
namespace rollcall::front {
namespace {

constexpr std::size_t body_bytes_max = std::size_t{1024} * 1024;
/// Graph gives up after three seconds, and sends it again where it was answered with 503 or not at all.
constexpr std::chrono::milliseconds answer_within{2'500};
/// Of all, whoever sends: they come from few addresses, or from the ingress' only, and Graph counts a 429
/// against the subscription.
constexpr double per_second = 500;

/// What came of the notifications of one request. Who sent them learns none of it.
struct Tally {
  long accepted = 0, refused = 0;
};

/// What is believed of it.
Noticed sift(const Json& value, const std::string& client_state, const std::string& tenant_id, Tally& tally) {
  Noticed noticed;
  std::set<Uuid> groups;
  for (const auto& one : value) {
    const auto notification = read_notification(one);
    const bool ours = notification && crypto::equal_secrets(notification->client_state, client_state) &&
                      (notification->tenant_id.empty() || notification->tenant_id == tenant_id);
    ++(ours ? tally.accepted : tally.refused);
    if (!ours) continue;
    const bool to_sync =
        notification->kind == Notification::Kind::changed || notification->kind == Notification::Kind::missed;
    if (to_sync && notification->group)
      groups.insert(*notification->group);
    else if (notification->kind != Notification::Kind::changed && notification->subscription)
      noticed.lifecycles.push_back(*notification);
  }
  noticed.groups.assign(groups.begin(), groups.end());
  return noticed;
}

Response take(Parts& parts, const Call& call) {
  // The handshake: Graph wants its token back, decoded, as plain text and nothing else (nosniff is set for
  // every answer).
  if (call.query.has("validationToken"))
    return {200, {{"Content-Type", "text/plain; charset=utf-8"}}, call.query.text("validationToken")};
  if (!call.body.is_object())
    throw Refused(
        {400, "body_missing", "This takes notifications of Microsoft Graph, or a validationToken."});
  Tally tally;
  const auto noticed = sift(call.body.at("value"), parts.hooks.client_state, parts.tenant_id, tally);
  const auto stored = store_noticed(parts.database, parts.tenant_id, noticed, parts.hooks.debounce);
  if (parts.metrics) {
    const auto count = [&](const char* outcome, long number) {
      parts.metrics
          ->counter("rollcall_graph_notifications_total", "Notifications of Microsoft Graph.",
                    {{"outcome", outcome}})
          .add(static_cast<double>(number));
    };
    count("accepted", tally.accepted);
    count("refused", tally.refused);
    parts.metrics->counter("rollcall_graph_notification_runs_total", "Syncs that notifications asked for.")
        .add(static_cast<double>(stored.runs));
  }
  if (tally.refused > 0)
    log::warn("graph_notifications_refused",
              {{"count", tally.refused}, {"address", call.request.remote_address}});
  return {202, {}, {}};
}

}  // namespace

Routes hooks_routes(Parts& parts) {
  if (parts.hooks.client_state.empty()) return {};
  return {{{.method = "POST",
            .path = "/hooks/graph",
            .id = "receive_graph_notifications",
            .summary = "Change and lifecycle notifications of Microsoft Graph.",
            .access = Access::anyone,
            .microsoft = true,
            .query = {{.name = "validationToken",
                       .help = "Of Graph's handshake: it is answered with it.",
                       .text_max = 4096}},
            .body = "GraphNotifications",
            .body_optional = true,
            .answers = {{200, "", "The validationToken.", "text/plain"}, {202, "", "Taken."}},
            .tag = "hooks",
            .body_bytes_max = body_bytes_max,
            .answer_within = answer_within,
            .per_second = per_second},
           [&parts](const Call& call) { return take(parts, call); }}};
}

}  // namespace rollcall::front
