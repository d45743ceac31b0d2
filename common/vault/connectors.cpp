#include "common/vault/connectors.h"

#include "common/core/lower.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rollcall::vault {
namespace {

// Permissions of the connectors' calls (Microsoft Graph permissions reference): the least that serves each.
constexpr std::array mail_read{Permission{"Mail.Read", "Read and search the messages in your mailbox."}};
constexpr std::array mail_write{mail_read[0], Permission{"Mail.Send", "Send messages in your name.", true}};
constexpr std::array calendar_read{
    Permission{"Calendars.Read", "Read the events in your calendars, and when you are free or busy."}};
// One permission for both: Microsoft has none that writes events without reading them.
constexpr std::array calendar_write{Permission{
    "Calendars.ReadWrite",
    "Read the events in your calendars and when you are free or busy, and create, change and delete events.",
    true}};
constexpr std::array files_read{Permission{
    "Sites.Read.All", "Find and read the SharePoint and OneDrive documents that you yourself may open."}};
constexpr std::array files_write{
    files_read[0], Permission{"Files.ReadWrite.All",
                              "Create, change and delete documents that you yourself may change.", true}};

constexpr std::array connectors{
    ConnectorFacts{Connector::mail, "mail", "Outlook mail", mail_read, mail_write},
    ConnectorFacts{Connector::calendar, "calendar", "Outlook calendar", calendar_read, calendar_write},
    ConnectorFacts{Connector::files, "files", "SharePoint and OneDrive documents", files_read, files_write},
};

// openid and profile: to know who signed in (oid comes with profile only). offline_access: to be let in again
// without the person.
constexpr std::array identity_scopes{"openid", "profile", "offline_access", "email"};

}  // namespace

std::span<const ConnectorFacts> all_connectors() {
  return connectors;
}

const ConnectorFacts& facts_of(Connector connector) {
  const auto* found = std::ranges::find(connectors, connector, &ConnectorFacts::connector);
  if (found == connectors.end()) throw std::logic_error("a connector without facts");
  return *found;
}

std::string to_string(Connector connector) {
  return std::string(facts_of(connector).name);
}

std::optional<Connector> parse_connector(std::string_view name) {
  const auto* found = std::ranges::find(connectors, name, &ConnectorFacts::name);
  return found == connectors.end() ? std::nullopt : std::optional(found->connector);
}

std::span<const Permission> permissions_of(Connector connector, bool may_write) {
  const auto& facts = facts_of(connector);
  return may_write ? facts.to_write : facts.to_read;
}

std::string scope_text(Connector connector, bool may_write, std::string_view graph_root) {
  std::string text = "openid profile offline_access";
  for (const auto& permission : permissions_of(connector, may_write))
    text.append(" ").append(graph_root).append("/").append(permission.scope);
  return text;
}

std::vector<std::string> granted_scopes(std::string_view scope_text) {
  std::vector<std::string> scopes;
  while (!scope_text.empty()) {
    const auto end = std::min(scope_text.find(' '), scope_text.size());
    auto word = scope_text.substr(0, end);
    scope_text.remove_prefix(std::min(end + 1, scope_text.size()));
    word.remove_prefix(word.rfind('/') + 1);  // npos + 1 is 0
    if (!word.empty() && std::ranges::find(identity_scopes, word) == identity_scopes.end())
      scopes.emplace_back(word);
  }
  return scopes;
}

std::vector<std::string> missing_scopes(Connector connector, bool may_write,
                                        const std::vector<std::string>& granted) {
  std::vector<std::string> missing;
  for (const auto& permission : permissions_of(connector, may_write)) {
    const bool there = std::ranges::any_of(
        granted, [&](const std::string& one) { return lower(one) == lower(permission.scope); });
    if (!there) missing.emplace_back(permission.scope);
  }
  return missing;
}

}  // namespace rollcall::vault
