#include "workers/member_sync/adapters/graph_group.h"

#include "common/core/error.h"
#include "common/core/graph_messages.h"
#include "common/graph/reads.h"
#include "common/log/log.h"
#include "workers/member_sync/adapters/delta.h"

#include <set>

namespace rollcall::member_sync {
namespace {

constexpr int delta_pages_max = 100'000;

std::string properties_path(const Uuid& group) {
  return "/groups/" + group.to_string() +
         "?$select=id,displayName,groupTypes,mailEnabled,securityEnabled,onPremisesSyncEnabled,"
         "isAssignableToRole";
}

std::string members_path(const Uuid& group) {
  return "/groups/" + group.to_string() + "/members?$select=id&$top=999";
}

[[noreturn]] void incomplete(const graph::Response& response) {
  throw Error(Fault::transient, "listing_incomplete",
              "the group could not be read to its end: " + describe(response));
}

/// Refuses what Graph would refuse, before the first write. Returns the display name.
std::string check_properties(const graph::Response& response) {
  if (response.status == 404)
    throw Error(Fault::not_found, "group_not_found", "Microsoft Graph does not know the group");
  if (response.status == 401 || response.status == 403)
    throw Error(Fault::denied, "graph_not_permitted",
                "Microsoft Graph refused to show the group: " + describe(response));
  if (!response.ok() || !response.body.is_object()) incomplete(response);
  const Json& properties = response.body;
  if (const auto problem = graph_messages::unmanageable(properties))
    throw Error(Fault::invalid, problem->code, problem->message);
  return text_member(properties, "displayName");
}

void take_page(const graph::Response& page, GroupReading& reading) {
  const auto list = page.ok() && page.body.is_object() ? page.body.find("value") : page.body.end();
  if (!page.ok() || !page.body.is_object() || list == page.body.end() || !list->is_array()) incomplete(page);
  for (const Json& member : *list) {
    const auto id = Uuid::parse(text_member(member, "id"));
    if (!id) incomplete(page);
    (is_user(member) ? reading.members : reading.others).push_back(*id);
  }
}

/// A plain page, by its link verbatim. A failure for good is an incomplete listing; a throttle stays one.
graph::Response follow(graph::Client& client, const std::string& link, const graph::CallContext& call) {
  try {
    return client.send(graph::get(link), call);
  } catch (const Error& error) {
    if (error.fault() != Fault::transient) throw;
    throw Error(Fault::transient, "listing_incomplete",
                std::string{"the group could not be read to its end: "} + error.what());
  }
}

void read_pages(graph::Client& client, graph::Response page, const graph::CallContext& call,
                GroupReading& reading) {
  std::set<std::string> seen;  // a service that answers with the same link again must not hold us for ever
  for (;;) {
    take_page(page, reading);
    const std::string next = text_member(page.body, "@odata.nextLink");
    if (next.empty()) return;
    if (!seen.insert(next).second) incomplete(page);
    page = follow(client, next, call);
  }
}

GroupReading read_fully(graph::Client& client, const Uuid& group, const graph::CallContext& call) {
  // One round trip. The chain matters: the link must be older than the listing, lest a change between them be
  // lost.
  auto answers = read_batch(client,
                            {graph::get(properties_path(group)), graph::get(watch_path({group}), 0),
                             graph::get(members_path(group), 1)},
                            call);
  GroupReading reading;
  reading.display_name = check_properties(answers.at(0));
  if (answers.at(1).ok()) reading.delta_link = text_member(answers[1].body, "@odata.deltaLink");
  read_pages(client, std::move(answers.at(2)), call, reading);
  normalize(reading.members);
  normalize(reading.others);
  return reading;
}

Ids after(const GroupChange& change, const Ids& members) {
  std::vector<RecentWrite> writes;
  for (const auto& [id, present] : change.members)
    writes.push_back({id, present});
  return overlay(members, writes);
}

/// Nothing where only a full read will do: the link expired (410 or any 4xx), or says what cannot be
/// followed.
std::optional<GroupReading> read_changes(graph::Client& client, const Uuid& group, const KeptMirror& kept,
                                         const graph::CallContext& call) {
  const std::string link = relative_to(client, kept.delta_link);
  if (link.empty()) return std::nullopt;
  auto answers = read_batch(client, {graph::get(properties_path(group)), graph::get(link)}, call);
  GroupReading reading;
  reading.full = false;
  reading.display_name = check_properties(answers.at(0));
  graph::Response page = std::move(answers.at(1));
  GroupChanges changes;
  for (int pages = 0; pages < delta_pages_max; ++pages) {
    if (page.status == 0 || page.status >= 500 || page.status == 429) incomplete(page);
    if (!page.ok() || !take_delta_page(page.body, changes) || changes[group].anew) return std::nullopt;
    reading.delta_link = text_member(page.body, "@odata.deltaLink");
    if (!reading.delta_link.empty()) break;
    const std::string next = text_member(page.body, "@odata.nextLink");
    if (next.empty()) return std::nullopt;
    page = follow(client, next, call);
  }
  if (reading.delta_link.empty()) return std::nullopt;
  reading.members = after(changes[group], kept.members);
  return reading;
}

}  // namespace

GroupReading read_group(graph::Client& client, const Uuid& group, const KeptMirror* kept,
                        const graph::CallContext& call) {
  if (kept != nullptr && !kept->delta_link.empty()) {
    if (auto reading = read_changes(client, group, *kept, call)) return std::move(*reading);
    log::info("delta_link_refused", {{"group_id", group.to_string()}});
  }
  return read_fully(client, group, call);
}

bool group_exists(graph::Client& client, const Uuid& group, const graph::CallContext& call) {
  const graph::Response response =
      client.send(graph::get("/groups/" + group.to_string() + "?$select=id"), call);
  if (response.status == 404) return false;
  if (!response.ok())
    throw Error(Fault::transient, "graph_unavailable",
                "the group could not be looked at: " + describe(response));
  return true;
}

}  // namespace rollcall::member_sync
