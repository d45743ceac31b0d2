#pragma once
#include "common/core/ids.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What Rollcall may do for a person at Microsoft 365, and what of it needs which permission. Pure.
namespace rollcall::vault {

enum class Connector { mail, calendar, files };

/// A delegated permission of Microsoft Graph, and what it is asked for, in words for the person who grants
/// it.
struct Permission {
  std::string_view scope;
  std::string_view allows;
  bool writes = false;
};

struct ConnectorFacts {
  Connector connector{};
  std::string_view name;   ///< "mail": in links, tables and answers
  std::string_view title;  ///< "Outlook mail"
  std::span<const Permission> to_read;
  std::span<const Permission> to_write;  ///< all there is to ask for where writing is wanted too
};

std::span<const ConnectorFacts> all_connectors();
const ConnectorFacts& facts_of(Connector connector);
std::string to_string(Connector connector);
std::optional<Connector> parse_connector(std::string_view name);

/// The least that the connector can work with.
std::span<const Permission> permissions_of(Connector connector, bool may_write);
/// As a request asks for them, with what makes a grant of it: `root` is Microsoft Graph's, without version.
std::string scope_text(Connector connector, bool may_write, std::string_view graph_root);
/// The permissions in an answer's scope, without the resource's name and without OpenID's own.
std::vector<std::string> granted_scopes(std::string_view scope_text);
/// What was asked for and is not among the granted; in any case, as Entra ID compares.
std::vector<std::string> missing_scopes(Connector connector, bool may_write,
                                        const std::vector<std::string>& granted);

/// Whose grant for what.
struct GrantKey {
  std::string tenant_id;
  Uuid person;  ///< Entra object id
  Connector connector{};
};

}  // namespace rollcall::vault
