#pragma once
#include "common/graph/client.h"
#include "common/vault/grants.h"
#include "workers/front/api/connections.h"
#include "workers/front/connectors/mailboxes.h"

#include <memory>
#include <string>

/// Mail, calendar and documents of whoever calls, on their own grant (common/vault).
namespace rollcall::front {

/// What the connectors of a process share. Outlook and SharePoint each have a circuit of their own: one that
/// is down says nothing of the other, nor of the directory.
class Connectors {
 public:
  struct Parts {
    postgres::Database& database;
    Vault& vault;
    http_client::Transport& transport;
    const Clock& clock;
    metrics::Registry& metrics;
    std::string graph_root;                     ///< without version
    std::string instance;                       ///< names this process in a grant's lease
    std::chrono::milliseconds patience{5'000};  ///< longest wait for a place, or for what a Retry-After asks
  };
  explicit Connectors(const Parts& parts);

  /// One request on the caller's grant for `connector`; `writes`: it needs the permission to write. An answer
  /// of Graph's other than success or a redirection is thrown as Refused, and so is what the grant lacks,
  /// with the link on which the caller connects.
  struct Asking {
    vault::Connector connector;
    graph::Request request;
    bool writes = false;
  };
  graph::Response ask(const front::Parts& front, const Call& call, const Asking& asking);

  struct Content {
    std::string bytes;
    bool more = false;  ///< it goes on behind them
  };
  /// The first bytes of a file of that size, by the answer that redirects to it. The URL in that answer opens
  /// the file to whoever has it: it is asked without a token, and neither logged nor handed on.
  Content fetch(const graph::Response& redirection, std::size_t size, std::size_t bytes_max);

  /// A nextLink of Graph's as text for the caller, which this person's same request alone can use.
  std::string seal_cursor(const std::string& bound_to, const std::string& link);
  /// Throws Refused (400, cursor_invalid).
  std::string open_cursor(const std::string& bound_to, const std::string& cursor);

 private:
  graph::Response send(const vault::GrantKey& key, const Asking& asking);

  const Parts parts_;
  vault::Renewer renewer_;
  vault::Grants grants_;
  Mailboxes mailboxes_;
  graph::Client outlook_, files_;
};

/// Throws Refused (404, vault_not_configured).
Connectors& connectors_of(const Parts& parts);

}  // namespace rollcall::front
