#include "workers/front/api/connections.h"

#include "common/vault/grant_store.h"
#include "common/vault/links.h"
#include "common/vault/tickets.h"
#include "workers/front/api/area.h"

#include <algorithm>

/// What a person connected: mail, calendar, files. Their browser does the rest on the pages of oauth.cpp.
namespace rollcall::front {
namespace {

constexpr const char* tag = "connections";

/// Entra ID has no endpoint by which an app could take back one person's grant.
constexpr const char* end_note =
    "Rollcall has forgotten the tokens. Microsoft still remembers that you agreed: to take that back as "
    "well, "
    "remove Rollcall at https://myapps.microsoft.com (or ask an administrator). An access token that was "
    "handed out before ends by itself, within 90 minutes.";

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json shown(const vault::Grant& grant) {
  const auto& facts = vault::facts_of(grant.key.connector);
  return {{"connector", facts.name},
          {"title", facts.title},
          {"state", grant.state},
          {"reason", or_null(grant.reason)},
          {"may_write", grant.may_write},
          {"scopes", grant.scopes},
          {"connected_at", or_null(grant.connected_at)},
          {"refreshed_at", or_null(grant.refreshed_at)},
          {"last_used_at", or_null(grant.last_used_at)}};
}

/// Every connector there is, so that a list shows what could be connected.
Response list(Parts& parts, const Call& call) {
  const Uuid person = person_of(call);
  const auto grants = vault::grants_of(parts.database, call.caller.tenant_id, person);
  Json items = Json::array();
  for (const auto& facts : vault::all_connectors()) {
    const auto found = std::ranges::find_if(
        grants, [&](const auto& grant) { return grant.key.connector == facts.connector; });
    items.push_back(shown(found != grants.end()
                              ? *found
                              : vault::Grant{.key = {{}, {}, facts.connector}, .state = "disconnected"}));
  }
  return json_answer(200, {{"value", std::move(items)}});
}

Response make(Parts& parts, const Call& call) {
  vault_of(parts);
  const Uuid person = person_of(call);
  const auto connector = vault::parse_connector(call.body.at("connector").get<std::string>());
  if (!connector) throw body_mistake("/connector", "is none of the connectors that GET of this path lists");
  const bool may_write = call.body.value("write", false);
  const auto link = connect_link(parts, {call.caller.tenant_id, person, *connector}, may_write);
  Json scopes = Json::array();
  for (const auto& permission : vault::permissions_of(*connector, may_write))
    scopes.push_back(permission.scope);
  return json_answer(201, {{"connect_url", link},
                           {"connector", to_string(*connector)},
                           {"may_write", may_write},
                           {"scopes", scopes},
                           {"expires_at", to_rfc3339(call.now + connect_time)}});
}

Response end(Parts& parts, const Call& call) {
  const Uuid person = person_of(call);
  const auto connector = vault::parse_connector(call.path.at("connector"));
  if (!connector) throw path_mistake("connector", "is none of those that GET /api/v1/connections lists");
  auto stored = parts.database.transact([&](postgres::Transaction& transaction) {
    return vault::disconnect(transaction, {call.caller.tenant_id, person, *connector}, asker_of(call));
  });
  const bool changed = stored.has_value();
  if (stored) publish(parts, std::move(*stored));
  return json_answer(200, {{"connector", to_string(*connector)},
                           {"state", "disconnected"},
                           {"changed", changed},
                           {"note", end_note}});
}

Response consent_link(Parts& parts, const Call&) {
  const Vault& vault = vault_of(parts);
  return json_answer(
      200, {{"url", vault::admin_consent_link(vault.endpoint.credentials(), vault.endpoint.graph_root(),
                                              vault.redirect_uri(), "admin-consent")},
            {"redirect_uri", vault.redirect_uri()}});
}

}  // namespace

Uuid person_of(const Call& call) {
  const auto person = call.caller.application ? std::nullopt : Uuid::parse(call.caller.object_id);
  if (!person) throw Refused({403, "person_required", "Only a person can connect something of theirs."});
  return *person;
}

std::string connect_link(const Parts& parts, const vault::GrantKey& key, bool may_write) {
  const Vault& vault = vault_of(parts);
  const auto secret = parts.database.transact([&](postgres::Transaction& transaction) {
    return vault::make_ticket(transaction, key, may_write, connect_time);
  });
  return vault.public_root + "/oauth/connect?ticket=" + secret;
}

Vault& vault_of(const Parts& parts) {
  if (parts.vault) return *parts.vault;
  throw Refused({404, "vault_not_configured", "Connecting something of one's own is not set up here."});
}

Routes connections_routes(Parts& parts) {
  const std::string path = "/api/v1/connections";
  Routes routes{
      {{.method = "GET",
        .path = path,
        .id = "list_connections",
        .summary = "What the caller has connected, and what could be.",
        .microsoft = true,
        .answers = {{200, "ConnectionList", "One item for each connector."}},
        .tag = tag},
       [&parts](const Call& call) { return list(parts, call); }},
      {{.method = "POST",
        .path = path,
        .id = "connect",
        .summary = "A link on which the caller connects something of theirs in a browser.",
        .microsoft = true,
        .body = "ConnectionRequest",
        .answers = {{201, "ConnectionLink", "To be opened by the caller, soon; it connects once."}},
        .tag = tag},
       [&parts](const Call& call) { return make(parts, call); }},
      {{.method = "DELETE",
        .path = path + "/{connector}",
        .id = "disconnect",
        .summary = "Forget what the caller granted for a connector.",
        .microsoft = true,
        .answers = {{200, "ConnectionEnded", "Forgotten; so it is where nothing was connected."}},
        .tag = tag},
       [&parts](const Call& call) { return end(parts, call); }},
      {{.method = "GET",
        .path = "/api/v1/admin-consent-link",
        .id = "get_admin_consent_link",
        .summary = "Where an administrator of Entra ID consents to the app for the whole tenant.",
        .access = Access::operator_only,
        .microsoft = true,
        .answers = {{200, "AdminConsentLink", "The link."}},
        .tag = tag},
       [&parts](const Call& call) { return consent_link(parts, call); }},
  };
  return routes;
}

}  // namespace rollcall::front
