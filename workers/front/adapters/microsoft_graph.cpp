#include "workers/front/adapters/microsoft_graph.h"

#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/core/graph_messages.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/graph/addresses.h"
#include "common/graph/reads.h"
#include "workers/front/api/call.h"

#include <utility>

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;
using Answer = graph::Response;

constexpr auto patience = 3s;
constexpr auto read_deadline = 6s;
constexpr auto write_deadline = 20s;  // making a group may take several seconds
constexpr auto between_looks = 1s;
constexpr int write_attempts_max = 3;
constexpr Backoff write_backoff{300ms, 1500ms};

constexpr auto group_properties =
    "$select=id,displayName,description,mail,mailNickname,visibility,groupTypes,mailEnabled,securityEnabled,"
    "onPremisesSyncEnabled,createdDateTime,uniqueName";

/// What the app must have been granted, for the sentence to whoever can grant it.
constexpr auto may_read_groups = "GroupMember.Read.All or Group.Read.All";
constexpr auto may_read_deleted = "Group.Read.All";
constexpr auto may_change_members = "GroupMember.ReadWrite.All";
constexpr auto may_create_groups = "Group.ReadWrite.All";

/// Whatever is no answer to build on.
[[noreturn]] void refuse(const Answer& response, const std::string& doing, const std::string& permission) {
  const std::string said = graph::describe(response);
  if (response.status == 401 || response.status == 403)
    throw Error(Fault::denied, "graph_not_permitted",
                "Microsoft Graph does not permit " + doing + ", with a fresh token either: the app needs " +
                    permission + " (" + said + ")");
  if (response.status == 429)
    throw Error(Fault::throttled, "throttled", "Microsoft Graph asked for a pause", response.retry_after);
  if (response.status == 0 || response.status == 408 || response.status >= 500)
    throw Error(Fault::transient, "graph_unavailable", "Microsoft Graph failed at " + doing + ": " + said,
                response.retry_after);
  throw Refused({422, "graph_refused", "Microsoft Graph refused " + doing + ": " + said});
}

Json object_of(const Answer& response, const std::string& doing) {
  if (response.body.is_object()) return response.body;
  throw Error(Fault::transient, "graph_unavailable", "Microsoft Graph answered " + doing + " without a body");
}

std::string named_path(const std::string& unique_name) {
  return "/groups(uniqueName='" + unique_name + "')";
}

}  // namespace

MicrosoftGraph::MicrosoftGraph(graph::Client& client, const Uuid& organization) : client_(client) {
  reading_.patience = patience;
  reading_.deadline = read_deadline;
  reading_.renew_when_denied = true;
  reading_.organization = organization.to_string();
  writing_ = reading_;
  writing_.deadline = write_deadline;
}

Answer MicrosoftGraph::read(const std::string& path, http_client::Headers headers) {
  graph::Request request = graph::get(path);
  request.headers = std::move(headers);
  return client_.send(request, reading_);
}

/// A write whose answer was lost is an answer of status 0, whatever it was lost by.
Answer MicrosoftGraph::write(const graph::Request& request) {
  try {
    return client_.send(request, writing_);
  } catch (const Error& error) {
    if (error.fault() != Fault::transient) throw;
    Answer lost;
    lost.error_message = error.what();
    lost.retry_after = error.retry_after();
    return lost;
  }
}

std::string MicrosoftGraph::reference_to(const Uuid& object) const {
  return client_.version_root() + "/directoryObjects/" + object.to_string();
}

std::optional<Json> MicrosoftGraph::group(const Uuid& group) {
  const auto response = read("/groups/" + group.to_string() + "?" + group_properties);
  if (response.status == 404) return std::nullopt;
  if (!response.ok()) refuse(response, "reading the group", may_read_groups);
  return object_of(response, "a read of the group");
}

std::optional<long> MicrosoftGraph::member_count(const Uuid& group) {
  // Only the index can count (group-list-members): it may lag behind a listing.
  const auto response =
      read("/groups/" + group.to_string() + "/members/$count", {{"ConsistencyLevel", "eventual"}});
  if (response.ok() && response.body.is_number_integer()) return response.body.get<long>();
  return std::nullopt;
}

GroupLook MicrosoftGraph::look(const Uuid& group, std::string& deleted_at) {
  GroupLook look;
  look.group = read("/groups/" + group.to_string() + "?$select=id").status;
  if (look.group != 404) return look;
  const auto deleted = read("/directory/deletedItems/" + group.to_string());
  look.deleted = deleted.status;
  if (deleted.ok()) deleted_at = text_member(deleted.body, "deletedDateTime");
  if (deleted.status == 401 || deleted.status == 403)
    refuse(deleted, "looking for the group among what was deleted", may_read_deleted);
  return look;
}

MicrosoftGraph::Diagnosis MicrosoftGraph::diagnose(const Uuid& group, std::chrono::seconds linked_for) {
  std::string deleted_at;
  const GroupLook first = look(group, deleted_at);
  GroupLook second = first;
  // A reference is cleared on this: a replica that lags behind must not be the only witness.
  if (judge_group(first, first, linked_for) == GroupState::gone) {
    pause(between_looks, {});
    second = look(group, deleted_at);
  }
  return {judge_group(first, second, linked_for), restorable_until(deleted_at)};
}

/// Creating a group with POST cannot be repeated safely: who does not hear the answer does not know whether
/// there is a group now, and a search for it may not show it yet. Graph's upsert can (group-upsert): the
/// alternate key `uniqueName` is ours to choose, is checked by the write itself, and with
/// "Prefer: create-if-missing" the same call twice makes one group.
Json MicrosoftGraph::create(const NewGroup& group) {
  Json owners = Json::array();
  for (const Uuid& owner : group.owners)
    owners.push_back(reference_to(owner));
  graph::Request request;
  request.method = "PATCH";
  request.url = named_path(group.unique_name);
  request.headers = {{"Prefer", "create-if-missing"}};
  request.body = Json{{"displayName", group.display_name},
                      {"mailNickname", group.mail_nickname},
                      {"groupTypes", {"Unified"}},
                      {"mailEnabled", true},
                      {"securityEnabled", true},
                      {"visibility", "Private"},  // a Microsoft 365 group would be public (group-post-groups)
                      // Created by an app alone and without owners it belonged to nobody, and could not be
                      // changed afterwards (group-post-groups).
                      {"owners@odata.bind", owners}};
  if (!group.description.empty()) (*request.body)["description"] = group.description;
  Answer response = write(request);
  for (int attempt = 1; attempt < write_attempts_max && (response.status == 0 || response.status >= 500);
       ++attempt) {
    pause(write_backoff.delay(attempt, crypto::random_unit()), {});
    response = write(request);
  }
  if (response.status == 201) return object_of(response, "the creation of a group");
  const bool exists = response.status == 204 ||
                      (response.status == 400 && (graph_messages::already_exists(response.error_message) ||
                                                  graph_messages::not_replicated(response.error_message)));
  if (exists) {
    if (auto found = named(group.unique_name)) return std::move(*found);
    if (response.status == 400 && lower(response.error_message).find("mailnickname") != std::string::npos)
      throw Refused({409,
                     "mail_nickname_taken",
                     "Another group has the mail nickname '" + group.mail_nickname + "'.",
                     {{"/mail_nickname", "is taken"}}});
    throw Error(Fault::transient, "graph_unavailable",
                "Microsoft Graph has made the group and does not show it yet", 5s);
  }
  if (response.status == 404)
    throw Refused({422,
                   "owner_not_found",
                   "One of the owners is no account of the tenant: " + response.error_message,
                   {{"/owners", "names no account"}}});
  refuse(response, "creating a group", may_create_groups);
}

std::optional<Json> MicrosoftGraph::named(const std::string& unique_name) {
  const auto response = read(named_path(unique_name) + "?" + group_properties);
  if (response.status == 404) return std::nullopt;
  if (!response.ok()) refuse(response, "reading the group", may_read_groups);
  return object_of(response, "a read of the group");
}

std::optional<MembersPage> MicrosoftGraph::members(const Uuid& group, const std::string& path,
                                                   bool by_cursor) {
  const auto response = read(path);
  if (response.status == 404) return std::nullopt;
  if (response.status == 400 && by_cursor)
    throw Refused({400,
                   "cursor_invalid",
                   "The cursor has expired, or is not one that this list gave.",
                   {{"cursor", "is not taken by Microsoft Graph"}}});
  if (!response.ok()) refuse(response, "listing the members", may_read_groups);
  const Json body = object_of(response, "a listing of members");
  const Json list = body.value("value", Json());
  const std::string link = text_member(body, "@odata.nextLink");
  const std::string next = members_position(group, graph::relative_to(client_, link));
  if (!list.is_array() || (!link.empty() && next.empty()))
    throw Error(Fault::transient, "listing_incomplete",
                "Microsoft Graph answered a listing of members with something else");
  return MembersPage{std::vector<Json>(list.begin(), list.end()), next};
}

template <class Judge>
MemberChanged MicrosoftGraph::change(const graph::Request& request, Judge judge) {
  bool maybe_done = false;
  for (int attempt = 1;; ++attempt) {
    const auto response = write(request);
    const auto outcome = judge(GraphAnswer{response.status, response.error_message}, maybe_done);
    if (outcome == MemberOutcome::refused) {
      const std::string code = graph_messages::refusal_code(response.status, response.error_message);
      if (code == "graph_not_permitted" || code == "graph_refused")
        refuse(response, "changing the group's members", may_change_members);
      throw Refused({422, code, "Microsoft Graph refused the member: " + response.error_message});
    }
    if (outcome != MemberOutcome::again) return {outcome, response.request_id};
    // After silence or a failure of the service nobody knows whether it was done.
    maybe_done = maybe_done || response.status == 0 || response.status >= 500;
    const auto wait =
        std::max(write_backoff.delay(attempt, crypto::random_unit()), response.retry_after.value_or(0ms));
    if (attempt >= write_attempts_max || wait > patience) {
      if (response.status == 400 || response.status == 409 || response.status == 423)
        throw Error(Fault::transient, "graph_unavailable",
                    "Microsoft Graph cannot change the group yet: " + response.error_message, 5s);
      refuse(response, "changing the group's members", may_change_members);
    }
    pause(wait, {});
  }
}

MemberChanged MicrosoftGraph::add(const Uuid& group, const Uuid& member) {
  graph::Request request;
  request.method = "POST";
  request.url = "/groups/" + group.to_string() + "/members/$ref";
  request.body = Json{{"@odata.id", reference_to(member)}};
  return change(request, [&](const GraphAnswer& answer, bool maybe_done) {
    return judge_addition(answer, group, member, maybe_done);
  });
}

MemberChanged MicrosoftGraph::remove(const Uuid& group, const Uuid& member) {
  graph::Request request;
  request.method = "DELETE";
  request.url = graph::member_removal_path(group, member);
  return change(request, [&](const GraphAnswer& answer, bool maybe_done) {
    return judge_removal(answer, group, member, maybe_done);
  });
}

Uuid MicrosoftGraph::account_of(const std::string& email) {
  const auto found = graph::resolve_addresses(client_, {email}, reading_);
  const auto& one = found.at(0);
  if (one.state == AddressState::resolved) return one.candidates.front();
  if (one.state == AddressState::ambiguous)
    throw Refused({422,
                   "address_ambiguous",
                   "Several accounts have this address: name one by member_id.",
                   {{"/email", "belongs to several accounts"}}});
  throw Refused({422,
                 "address_not_found",
                 "No account of the tenant has this address.",
                 {{"/email", "belongs to no account"}}});
}

}  // namespace rollcall::front
