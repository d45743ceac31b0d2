#include "workers/token_renewal/settings.h"

#include "workers/token_renewal/core/subscriptions.h"

namespace rollcall::token_renewal {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t client_state_max = 128;  // subscription

SubscriptionOptions load_subscription(config::Settings& settings, const std::string& tenant_id) {
  SubscriptionOptions options;
  options.tenant_id = tenant_id;
  std::string root = settings.text(
      "ROLLCALL_PUBLIC_URL", "",
      "the front's, https://rollcall.contoso.com: where Microsoft Graph can reach it from the internet");
  while (root.ends_with('/'))
    root.pop_back();
  options.client_state = settings.secret(
      "ROLLCALL_GRAPH_CLIENT_STATE",
      "the front's: with it and ROLLCALL_PUBLIC_URL, Graph is asked to tell of changed groups; at most 128 "
      "characters");
  // Graph allows 41,760 minutes, by its own clock.
  options.lifetime = settings.duration("ROLLCALL_SUBSCRIPTION_LIFETIME", 24h * 28, 45min, 41'700min,
                                       "what the subscription is created and renewed for");
  if (options.client_state.empty()) return options;
  if (options.client_state.reveal().size() > client_state_max)
    settings.mistake("ROLLCALL_GRAPH_CLIENT_STATE", "takes at most 128 characters");
  if (!callable(root))
    settings.mistake(
        "ROLLCALL_PUBLIC_URL",
        "is needed with ROLLCALL_GRAPH_CLIENT_STATE, and with https: Microsoft Graph sends there");
  options.hook_url = root + "/hooks/graph";
  return options;
}

}  // namespace

ProcessSettings load_settings(config::Settings& settings) {
  ProcessSettings all;
  all.common = worker::load_common_settings(settings, "token-renewal", 9105);
  all.loop = worker::load_loop_options(settings, all.common);
  all.microsoft = graph::load_settings(settings);
  all.keys = vault::load_key_provider(settings);
  all.handler.enabled = all.microsoft.enabled;
  all.handler.patience =
      settings.duration("ROLLCALL_PARK_AFTER", 30s, 0ms, 1h, "a run that must wait longer is parked");
  all.handler.grants.at_once = static_cast<int>(
      settings.number("ROLLCALL_RENEWALS_AT_ONCE", 8, 1, 64, "grants that a run renews at the same time"));
  all.handler.subscriptions = load_subscription(settings, all.microsoft.credentials.tenant_id);
  // Every lane and every renewal may hold a connection; the loop itself needs a few.
  all.common.database.connections_max = all.loop.lanes + all.handler.grants.at_once + 4;
  settings.finish();
  return all;
}

}  // namespace rollcall::token_renewal
