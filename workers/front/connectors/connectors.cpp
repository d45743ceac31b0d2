#include "workers/front/connectors/connectors.h"

#include "common/graph/bearer.h"
#include "common/log/log.h"
#include "workers/front/core/office_path.h"

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds call_deadline = 10s;
constexpr std::chrono::milliseconds fetch_deadline = 10s;

/// A person's token for one operation: asked for once, renewed once.
class PersonBearer final : public graph::Bearer {
 public:
  PersonBearer(vault::Grants& grants, const vault::GrantKey& key, bool writes)
      : grants_(grants), key_(key), writes_(writes) {}

  std::string token(const std::stop_token& stop) override {
    if (token_.token.empty()) {
      token_ = grants_.access_token(key_, stop);
      // Entra ID puts into a token whatever the person ever granted to the app: the grant decides, not the
      // token.
      const auto missing = vault::missing_scopes(key_.connector, writes_ || token_.may_write, token_.scopes);
      if ((writes_ && !token_.may_write) || !missing.empty())
        throw Error(Fault::denied, "connection_scope_missing", missing.empty() ? "" : missing.front());
    }
    return token_.token;
  }
  void invalidate(const std::string& token) override {
    token_ = {};
    grants_.renew(key_, token, {});
  }
  [[nodiscard]] const std::string& last() const { return token_.token; }

 private:
  vault::Grants& grants_;
  const vault::GrantKey& key_;
  const bool writes_;
  vault::AccessToken token_;
};

graph::Options options_of(const Connectors::Parts& parts, const char* workload) {
  return {.root = parts.graph_root, .request_timeout = 8s, .read_attempts_max = 3, .workload = workload};
}

/// What the caller must do about the grant, in a sentence with the link.
Refused connect_first(const Parts& front, const vault::GrantKey& key, bool writes, const Error& error) {
  const auto& facts = vault::facts_of(key.connector);
  const std::string title(facts.title);
  std::string what = "You have not connected " + title + " with Rollcall.";
  if (error.code() == "reconnect_needed") what = "Microsoft no longer lets Rollcall use your " + title + ".";
  if (error.code() == "connection_scope_missing") {
    std::string scopes;
    for (const auto& one : vault::permissions_of(key.connector, writes))
      scopes += (scopes.empty() ? "" : ", ") + std::string(one.scope);
    what = "Your connection of " + title + " does not allow this; it takes " + scopes + ".";
  }
  return Refused(
      {403, error.code(),
       what + " Connect on this page, in a browser, within 15 minutes: " + connect_link(front, key, writes)});
}

Refused refused_by_graph(const graph::Response& response) {
  const std::string code = response.error_code.empty() ? "" : " (" + response.error_code + ")";
  const std::string id = response.request_id.empty() ? "" : " Request-id " + response.request_id + ".";
  if (response.error_code == "TimeZoneNotSupportedException")
    return Refused(
        {400, "query_invalid", "Microsoft 365 does not know this time zone.", {{"time_zone", "is unknown"}}});
  switch (response.status) {
    case 404:
      return Refused({404, "item_not_found", "Microsoft 365 has nothing of this id that you may open."});
    case 403:
      return Refused({403, "microsoft_denied", "Microsoft 365 does not let you do this" + code + "." + id});
    case 429:
      return Refused(
          {503, "throttled", "Microsoft 365 asked for a pause.", {}, response.retry_after.value_or(10s)});
    default:
      break;
  }
  if (response.status >= 400 && response.status < 500)
    return Refused({400, "graph_refused", "Microsoft 365 refuses the request" + code + "." + id});
  return Refused({503, "graph_unavailable", "Microsoft 365 gave no usable answer." + id, {}, 5s});
}

}  // namespace

Connectors::Connectors(const Parts& parts)
    : parts_(parts),
      renewer_(parts.database, parts.vault.endpoint, parts.vault.keyring, parts.instance),
      grants_(parts.database, parts.vault.keyring, renewer_),
      mailboxes_(parts.clock),
      outlook_(parts.transport, parts.clock, options_of(parts, "outlook"), parts.metrics),
      files_(parts.transport, parts.clock, options_of(parts, "files"), parts.metrics) {}

graph::Response Connectors::send(const vault::GrantKey& key, const Asking& asking) {
  const bool files = asking.connector == vault::Connector::files;
  // Mail and calendar are one mailbox.
  const auto place = mailboxes_.enter(key.tenant_id + "/" + key.person.to_string() + (files ? "/files" : ""),
                                      parts_.patience);
  PersonBearer bearer(grants_, key, asking.writes);
  const graph::OnBehalf person{bearer, place.governor()};
  graph::CallContext context;
  context.patience = parts_.patience;
  context.deadline = call_deadline;
  context.on_behalf = &person;
  try {
    return (files ? files_ : outlook_).send(asking.request, context);
  } catch (const Error& error) {
    // A drive that was never opened answers 401 too (known-issues), so that says nothing of the grant.
    if (error.code() != "graph_not_permitted" || files) throw;
    grants_.give_up(key, bearer.last());
    throw Error(Fault::denied, "reconnect_needed", error.what());
  }
}

graph::Response Connectors::ask(const front::Parts& front, const Call& call, const Asking& asking) {
  const vault::GrantKey key{call.caller.tenant_id, person_of(call), asking.connector};
  graph::Response response;
  try {
    response = send(key, asking);
  } catch (const Error& error) {
    if (error.code() == "not_connected" || error.code() == "reconnect_needed" ||
        error.code() == "connection_scope_missing")
      throw connect_first(front, key, asking.writes, error);
    throw;
  }
  if (response.ok() || (response.status == 302 && !response.location.empty())) return response;
  throw refused_by_graph(response);
}

Connectors::Content Connectors::fetch(const graph::Response& redirection, std::size_t size,
                                      std::size_t bytes_max) {
  const Refused unusable(
      {503, "graph_unavailable", "Microsoft 365 did not give the file's content.", {}, 5s});
  if (!office::may_fetch(redirection.location, parts_.graph_root)) {
    log::warn("download_refused", {{"request_id", redirection.request_id}});
    throw Refused({502, "download_refused",
                   "Microsoft 365 named a place for the file's content that is not one of its own."});
  }
  http_client::Request request;
  request.url = redirection.location;
  request.timeout = fetch_deadline;
  request.response_bytes_max = bytes_max;
  if (size > bytes_max) request.headers = {{"Range", "bytes=0-" + std::to_string(bytes_max - 1)}};
  auto response = parts_.transport.send(std::move(request));
  // Its own words may quote the URL.
  if (response.status != 200 && response.status != 206) throw unusable;
  return {std::move(response.body), size > bytes_max};
}

std::string Connectors::seal_cursor(const std::string& bound_to, const std::string& link) {
  const auto sealed = parts_.vault.keyring.seal(link, "cursor\n" + bound_to);
  return sealed.key_id + "." + sealed.text;
}

std::string Connectors::open_cursor(const std::string& bound_to, const std::string& cursor) {
  const auto dot = cursor.rfind('.');
  auto link =
      dot == std::string::npos
          ? Result<std::string>(unexpected(Problem{"cursor_invalid", ""}))
          : parts_.vault.keyring.open({cursor.substr(0, dot), cursor.substr(dot + 1)}, "cursor\n" + bound_to);
  if (link) return std::move(*link);
  throw Refused({400,
                 "cursor_invalid",
                 "The cursor is not one that this operation gave you for this request.",
                 {{"cursor", "is not ours"}}});
}

Connectors& connectors_of(const Parts& parts) {
  vault_of(parts);
  if (parts.connectors) return *parts.connectors;
  throw Refused({404, "vault_not_configured", "Connecting something of one's own is not set up here."});
}

}  // namespace rollcall::front
