#include "workers/front/settings.h"

#include "common/group_health/store.h"

#include <utility>

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : list + ",") {
    if (c != ',' && c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

/// As clients ask Entra ID for a token for the API: the scope's name behind the API's URI.
std::string scope_to_ask(const auth::Settings& auth) {
  std::string uri;
  for (const auto& audience : auth.policy.audiences)
    if (uri.empty() || (uri.find("://") == std::string::npos && audience.find("://") != std::string::npos))
      uri = audience;
  return uri.empty() ? "" : uri + "/" + (auth.scope.empty() ? ".default" : auth.scope);
}

void load_mcp(config::Settings& settings, FrontSettings& all) {
  all.mcp.read_only = settings.flag("ROLLCALL_MCP_READ_ONLY", false,
                                    "true: agents have only tools that change and begin nothing");
  all.mcp.tools = words_of(
      settings.text("ROLLCALL_MCP_TOOLS", "", "Tools that agents have, comma-separated (default: all)."));
  all.mcp.key =
      settings
          .secret("ROLLCALL_MCP_KEY",
                  "What cursors and sessions of MCP are signed with, the same for all fronts; without it "
                  "each front has its own, and forgets it when it ends.")
          .reveal();
  all.pipeline.resource_metadata = mcp::resource_metadata_path;
  all.pipeline.scope_to_ask = scope_to_ask(all.auth);
  all.mcp.metadata.authorization_server = all.auth.authority + "/" + all.auth.tenant_id + "/v2.0";
  if (!all.pipeline.scope_to_ask.empty()) all.mcp.metadata.scopes = {all.pipeline.scope_to_ask};
}

}  // namespace

FrontSettings load_settings(config::Settings& settings) {
  FrontSettings all;
  all.common = worker::load_common_settings(settings, "front", 9106);
  all.microsoft = graph::load_settings(settings);
  all.auth = auth::load_settings(settings);
  all.absence = group_health::load_absence_limits(settings);
  all.pipeline.microsoft_enabled = all.microsoft.enabled;
  all.pipeline.scope = all.auth.scope;
  all.server.address =
      settings.text("ROLLCALL_HTTP_ADDRESS", "127.0.0.1",
                    "Address to listen on; 0.0.0.0 for all. TLS ends before it, at the ingress.");
  all.server.port = static_cast<std::uint16_t>(
      settings.number("ROLLCALL_HTTP_PORT", 8080, 0, 65535, "Port of REST, MCP and the console; 0: any."));
  all.pipeline.public_root = settings.text(
      "ROLLCALL_PUBLIC_URL", "",
      "Root of absolute links, https://rollcall.contoso.com; empty: http:// and the Host header.");
  while (all.pipeline.public_root.ends_with('/'))
    all.pipeline.public_root.pop_back();
  all.pipeline.origins =
      words_of(settings.text("ROLLCALL_HTTP_ORIGINS", "",
                             "Browser origins that may call (CORS), comma-separated; none by default."));
  all.pipeline.rates.per_second = static_cast<double>(settings.number(
      "ROLLCALL_HTTP_RATE", 50, 1, 1'000'000, "Requests a second of one caller in the long run."));
  all.pipeline.rates.burst = static_cast<double>(
      settings.number("ROLLCALL_HTTP_BURST", 200, 1, 1'000'000, "Requests of one caller at once."));
  all.threads = static_cast<std::size_t>(settings.number(
      "ROLLCALL_HTTP_THREADS", 8, 1, 256, "Requests that may wait for PostgreSQL or Graph at once."));
  all.queue_max = static_cast<std::size_t>(settings.number(
      "ROLLCALL_HTTP_QUEUE", 1000, 1, 1'000'000, "Requests that may wait for such a thread; more get 503."));
  all.streams_max = static_cast<std::size_t>(settings.number(
      "ROLLCALL_HTTP_STREAMS", 100, 1, 1'000'000, "Event streams of one caller at once; more get 429."));
  all.drain = settings.duration("ROLLCALL_HTTP_DRAIN", 20s, 0ms, 1h,
                                "how long requests under way may take at a stop");
  all.hooks.client_state =
      settings
          .secret(
              "ROLLCALL_GRAPH_CLIENT_STATE",
              "What Microsoft Graph proves its change notifications with (clientState of the subscription); "
              "without it there is no /hooks/graph.")
          .reveal();
  all.hooks.debounce = settings.duration("ROLLCALL_ROSTER_DEBOUNCE", 5s, 0ms, 1h,
                                         "how long a sync waits for more notifications of the same group");
  load_mcp(settings, all);
  all.keys = vault::load_key_provider(settings);
  if (all.keys && !all.pipeline.public_root.starts_with("http"))
    settings.mistake("ROLLCALL_PUBLIC_URL",
                     "is needed with ROLLCALL_VAULT_KEYS: Entra ID sends people back to it, and the app "
                     "registration must list it with /oauth/callback behind");
  all.common.database.connections_max = static_cast<int>(all.threads) + 6;
  settings.finish();
  return all;
}

}  // namespace rollcall::front
