#include "common/graph/addresses.h"

#include "common/core/error.h"
#include "common/graph/reads.h"

#include <algorithm>
#include <functional>
#include <span>

namespace rollcall::graph {
namespace {

using Addresses = std::span<const std::string>;
using OnAccount = std::function<void(const Account&)>;

void read_accounts(const Json& body, const OnAccount& found) {
  const auto list = body.is_object() ? body.find("value") : body.end();
  if (!body.is_object() || list == body.end() || !list->is_array())
    throw Error(Fault::transient, "graph_unavailable",
                "Microsoft Graph answered a search for users without a list");
  for (const Json& user : *list) {
    const auto id = Uuid::parse(text_member(user, "id"));
    if (id) found({*id, text_member(user, "mail"), text_member(user, "userPrincipalName")});
  }
}

/// The pieces of `chunk` still to ask for by themselves: Graph refuses a whole filter for one odd address.
std::vector<Addresses> take(const Response& response, Addresses chunk, const OnAccount& found) {
  if (response.ok()) {
    read_accounts(response.body, found);
    return {};
  }
  if (response.status == 401 || response.status == 403)
    throw Error(
        Fault::denied, "graph_not_permitted",
        "Microsoft Graph refused to search users: the app needs User.Read.All (" + describe(response) + ")");
  if (response.status != 400 && response.status != 404)
    throw Error(Fault::transient, "graph_unavailable", "a search for users failed: " + describe(response));
  std::vector<Addresses> singles;
  if (chunk.size() > 1)
    for (std::size_t i = 0; i < chunk.size(); ++i)
      singles.push_back(chunk.subspan(i, 1));
  return singles;  // a single address that Graph refuses belongs to nobody
}

void look_up(Client& client, const char* property, Addresses addresses, const CallContext& call,
             const OnAccount& found) {
  std::vector<Addresses> pieces = chunks(addresses);
  for (std::size_t at = 0; at < pieces.size(); at += filters_per_batch) {
    const std::size_t count = std::min(filters_per_batch, pieces.size() - at);
    std::vector<Request> requests(count);
    for (std::size_t i = 0; i < count; ++i)
      requests[i].url = lookup_path(property, pieces[at + i]);
    const auto responses = read_batch(client, requests, call);
    for (std::size_t i = 0; i < count; ++i)
      for (const Addresses& single : take(responses.at(i), pieces[at + i], found))
        pieces.push_back(single);
  }
}

}  // namespace

std::vector<Resolution> resolve_addresses(Client& client, std::vector<std::string> addresses,
                                          const CallContext& call) {
  Resolver resolver{std::move(addresses)};
  look_up(client, "mail", resolver.addresses(), call, [&](const Account& a) { resolver.found_by_mail(a); });
  const std::vector<std::string> open = resolver.open_addresses();
  look_up(client, "userPrincipalName", open, call,
          [&](const Account& a) { resolver.found_by_sign_in_name(a); });
  return resolver.results();
}

}  // namespace rollcall::graph
