#include "common/graph/settings.h"

namespace rollcall::graph {
namespace {

using namespace std::chrono_literals;

GovernorLimits load_limits(config::Settings& settings) {
  GovernorLimits limits;
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

MicrosoftSettings load_settings(config::Settings& settings) {
  MicrosoftSettings all;
  all.enabled =
      settings.flag("MS_AUTH_ENABLED", true, "false: Microsoft 365 is switched off, syncs are refused");
  all.root = settings.url("MS_GRAPH_URL", "https://graph.microsoft.com", "Microsoft Graph, without version");
  all.http.ca_file = settings.file("ROLLCALL_CA_FILE", http_client::ca_file_help);
  Credentials& credentials = all.credentials;
  credentials.authority = settings.url("MS_AUTH_AUTHORITY", credentials.authority, "where tokens are issued");
  credentials.tenant_id = settings.text("MS_AUTH_TENANT_ID", "", "the Entra tenant");
  credentials.client_id = settings.text("MS_AUTH_CLIENT_ID", "", "the app's client id");
  credentials.secret = settings.secret("MS_AUTH_SECRET", "the app's secret; or a certificate");
  credentials.certificate_pem =
      settings.secret("MS_AUTH_CERTIFICATE", "certificate and private key, PEM; or a secret");
  credentials.scope = all.root + "/.default";
  all.limits = load_limits(settings);
  if (!all.enabled) return all;
  if (credentials.tenant_id.empty())
    settings.mistake("MS_AUTH_TENANT_ID", "is needed while MS_AUTH_ENABLED is true");
  if (credentials.client_id.empty())
    settings.mistake("MS_AUTH_CLIENT_ID", "is needed while MS_AUTH_ENABLED is true");
  if (credentials.secret.empty() && credentials.certificate_pem.empty())
    settings.mistake("MS_AUTH_SECRET", "or MS_AUTH_CERTIFICATE is needed while MS_AUTH_ENABLED is true");
  return all;
}

}  // namespace rollcall::graph
