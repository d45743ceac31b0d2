#include "workers/member_sync/settings.h"

namespace rollcall::member_sync {
namespace {

using namespace std::chrono_literals;

graph::Credentials load_credentials(config::Settings& settings, bool enabled, const std::string& graph_root) {
  graph::Credentials credentials;
  credentials.authority =
      settings.url("MS_AUTH_AUTHORITY", "https://login.microsoftonline.com", "where tokens are issued");
  credentials.tenant_id = settings.text("MS_AUTH_TENANT_ID", "", "the Entra tenant");
  credentials.client_id = settings.text("MS_AUTH_CLIENT_ID", "", "the app's client id");
  credentials.secret = settings.secret("MS_AUTH_SECRET", "the app's secret; or a certificate");
  credentials.certificate_pem =
      settings.secret("MS_AUTH_CERTIFICATE", "certificate and private key, PEM; or a secret");
  credentials.scope = graph_root + "/.default";
  if (!enabled) return credentials;
  if (credentials.tenant_id.empty())
    settings.mistake("MS_AUTH_TENANT_ID", "is needed while MS_AUTH_ENABLED is true");
  if (credentials.client_id.empty())
    settings.mistake("MS_AUTH_CLIENT_ID", "is needed while MS_AUTH_ENABLED is true");
  if (credentials.secret.empty() && credentials.certificate_pem.empty())
    settings.mistake("MS_AUTH_SECRET", "or MS_AUTH_CERTIFICATE is needed while MS_AUTH_ENABLED is true");
  return credentials;
}

graph::GovernorLimits load_limits(config::Settings& settings) {
  graph::GovernorLimits limits;
  limits.resource_units = static_cast<double>(
      settings.number("ROLLCALL_GRAPH_RESOURCE_UNITS", 3500, 1, 1'000'000,
                      "Graph's resource units per window (3500 for the smallest tenants)"));
  limits.resource_units_max =
      static_cast<double>(settings.number("ROLLCALL_GRAPH_RESOURCE_UNITS_MAX", 8000, 1, 1'000'000,
                                          "to which the former may be raised by what Graph answers"));
  limits.resource_unit_window =
      settings.duration("ROLLCALL_GRAPH_RESOURCE_UNIT_WINDOW", 10s, 1ms, 1h, "their window");
  limits.writes = static_cast<double>(
      settings.number("ROLLCALL_GRAPH_WRITES", 3000, 1, 1'000'000, "Graph's writes per window"));
  limits.write_window = settings.duration("ROLLCALL_GRAPH_WRITE_WINDOW", 150s, 1ms, 1h, "their window");
  return limits;
}

}  // namespace

ProcessSettings load_settings(config::Settings& settings) {
  ProcessSettings all;
  all.common = worker::load_common_settings(settings, "member-sync", 9101);
  all.loop = worker::load_loop_options(settings, all.common);
  // Every lane may hold a connection; the loop itself needs a few.
  all.common.database.connections_max = all.loop.lanes + 4;
  all.handler.enabled = settings.flag("MS_AUTH_ENABLED", true, "false: every sync is refused");
  all.graph.root =
      settings.url("MS_GRAPH_URL", "https://graph.microsoft.com", "Microsoft Graph, without version");
  all.http.ca_file = settings.file("ROLLCALL_CA_FILE", http_client::ca_file_help);
  all.credentials = load_credentials(settings, all.handler.enabled, all.graph.root);
  all.limits = load_limits(settings);
  all.handler.tenant_id = all.credentials.tenant_id;
  all.handler.hold_off = settings.duration("ROLLCALL_HOLD_OFF", 60s, 0ms, 1h,
                                           "how long our own writes are believed over a listing");
  all.handler.full_read_interval = settings.duration("ROLLCALL_FULL_READ_INTERVAL", 24h, 0ms, 24h * 7,
                                                     "a group is read in full this often");
  all.handler.patience =
      settings.duration("ROLLCALL_PARK_AFTER", 30s, 0ms, 1h, "a run that must wait longer is parked");
  settings.finish();
  return all;
}

}  // namespace rollcall::member_sync
