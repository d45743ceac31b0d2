#include "common/auth/settings.h"

#include "common/core/ids.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace rollcall::auth {
namespace {

/// Version 1 tokens are issued under another name than the authority's; the clouds of Microsoft's.
struct Cloud {
  std::string_view authority, issuer_v1;
};
constexpr std::array clouds{
    Cloud{"https://login.microsoftonline.com", "https://sts.windows.net/{tenantid}/"},
    Cloud{"https://login.microsoftonline.us", "https://sts.windows.net/{tenantid}/"},
    Cloud{"https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn/{tenantid}/"},
};

/// The one tenant of all personal Microsoft accounts: trusting it is trusting everybody.
constexpr std::string_view personal_accounts = "9188040d-6c67-4c5b-b112-36a304b66dad";

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    auto item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (item.starts_with(' '))
      item.remove_prefix(1);
    while (item.ends_with(' '))
      item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

/// Lower-case GUIDs; a mistake for each that is none.
std::vector<std::string> guids(config::Settings& settings, const std::string& name,
                               const std::vector<std::string>& texts) {
  std::vector<std::string> ids;
  for (const auto& text : texts) {
    if (const auto id = Uuid::parse(text))
      ids.push_back(id->to_string());
    else
      settings.mistake(name, "has '" + text + "', which is not a GUID");
  }
  return ids;
}

std::string issuer_v1_of(const std::string& authority) {
  const auto* cloud = std::ranges::find(clouds, authority, &Cloud::authority);
  return cloud != clouds.end() ? std::string(cloud->issuer_v1) : authority + "/{tenantid}/";
}

/// The mistakes of what must be there for any token to be accepted.
void check(config::Settings& settings, const std::string& name, const std::string& value) {
  if (value.empty())
    settings.mistake(name, "is needed while MS_AUTH_ENABLED is true");
  else if (!Uuid::parse(value))
    settings.mistake(name, "is '" + value + "', not a GUID: callers' tokens name it by its GUID");
  else if (Uuid::parse(value) == Uuid::parse(personal_accounts))
    settings.mistake(name, "is the tenant of personal accounts: anybody could call");
}

/// Microsoft's Enterprise token store, which brings the tokens of Copilot's single sign-on (plugin
/// authentication, Entra ID SSO).
constexpr const char* token_store = "ab3be6b7-f5df-413d-ac2d-abf1e3fd9c0b";

/// Copilot's application where it is one of its own; else Copilot's tokens are the API's.
void load_copilot(config::Settings& settings, const std::string& tenant, const std::string& client,
                  Policy& policy) {
  const std::string copilot_tenant = settings.text(
      "M365_COPILOT_TENANT_ID", "", "the tenant of Copilot's people (default: MS_AUTH_TENANT_ID)");
  const std::string copilot_client = settings.text(
      "M365_COPILOT_CLIENT_ID", "", "the app that Copilot's tokens are for (default: MS_AUTH_CLIENT_ID)");
  const std::string uris =
      settings.text("M365_COPILOT_APP_ID_URI", "", "its Application ID URIs, a,b (default: api://the app)");
  if (!copilot_tenant.empty() && Uuid::parse(copilot_tenant) != Uuid::parse(tenant))
    settings.mistake("M365_COPILOT_TENANT_ID",
                     "is '" + copilot_tenant + "', not MS_AUTH_TENANT_ID: one Rollcall serves one tenant");
  if (copilot_client.empty()) {
    if (!uris.empty()) settings.mistake("M365_COPILOT_APP_ID_URI", "needs M365_COPILOT_CLIENT_ID");
    return;
  }
  const auto ids = guids(settings, "M365_COPILOT_CLIENT_ID", {copilot_client});
  if (ids.empty() || Uuid::parse(client) == Uuid::parse(copilot_client)) {
    // The same app: what else its tokens may be for is the API's audience too.
    for (auto& uri : list_of(uris))
      policy.audiences.push_back(std::move(uri));
    return;
  }
  policy.copilot_audiences = uris.empty() ? std::vector<std::string>{"api://" + ids[0]} : list_of(uris);
  policy.copilot_audiences.push_back(ids[0]);
  policy.copilot_clients = {token_store, ids[0]};
}

}  // namespace

Settings load_settings(config::Settings& settings) {
  Settings all;
  const bool enabled = settings.flag("MS_AUTH_ENABLED", true, "false: Microsoft 365 is switched off");
  all.authority =
      settings.url("MS_AUTH_AUTHORITY", "https://login.microsoftonline.com", "where tokens are issued");
  const std::string tenant = settings.text("MS_AUTH_TENANT_ID", "", "the Entra tenant");
  const std::string client = settings.text("MS_AUTH_CLIENT_ID", "", "the app's client id");
  const std::string audience =
      settings.text("ROLLCALL_API_AUDIENCE", "",
                    "what callers' tokens are for, a,b (default: the client id, and api://it)");
  const std::string clients = settings.text(
      "ROLLCALL_API_CLIENTS", "",
      "client ids that may call, a,b; Copilot's is ab3be6b7-f5df-413d-ac2d-abf1e3fd9c0b (default: any)");
  all.scope = settings.text("ROLLCALL_API_SCOPE", "",
                            "scope that a person's token must carry, such as Rollcall.Access (default: any)");
  if (all.scope.find_first_of(" ,/\"\\") != std::string::npos)
    settings.mistake(
        "ROLLCALL_API_SCOPE",
        "is '" + all.scope + "': give the name of one scope, as tokens carry it, without the API's URI");
  all.policy.skew = std::chrono::seconds(settings.number("ROLLCALL_API_CLOCK_SKEW_SECONDS", 120, 0, 300,
                                                         "how far the clock may differ from Entra's"));
  all.policy.issuer_v2 = all.authority + "/{tenantid}/v2.0";
  all.policy.issuer_v1 = issuer_v1_of(all.authority);
  if (enabled) {
    check(settings, "MS_AUTH_TENANT_ID", tenant);
    check(settings, "MS_AUTH_CLIENT_ID", client);
  }
  Policy copilot;
  load_copilot(settings, tenant, client, copilot);
  // Switched off, callers are still known by their tokens where the settings say whose those are.
  if (const auto id = Uuid::parse(tenant); id != Uuid::parse(personal_accounts) && id)
    all.tenant_id = id->to_string();
  if (all.tenant_id.empty() || client.empty()) return all;
  all.policy.tenants = {all.tenant_id};
  all.policy.audiences = audience.empty() ? std::vector{client, "api://" + client} : list_of(audience);
  for (auto& uri : copilot.audiences)
    all.policy.audiences.push_back(std::move(uri));
  all.policy.copilot_audiences = std::move(copilot.copilot_audiences);
  all.policy.copilot_clients = std::move(copilot.copilot_clients);
  if (all.policy.audiences.empty())
    settings.mistake("ROLLCALL_API_AUDIENCE", "names nothing: no token would be accepted");
  all.policy.clients = guids(settings, "ROLLCALL_API_CLIENTS", list_of(clients));
  return all;
}

}  // namespace rollcall::auth
