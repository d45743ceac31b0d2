#include "workers/group_health/adapters/graph_groups.h"

#include "common/core/error.h"
#include "common/graph/reads.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace rollcall::group_health {
namespace {

constexpr std::size_t absent_per_batch = 10;  // two requests each

/// What judge() needs and nothing else. Owners are expanded rather than asked for: no request more, and the
/// same price (throttling-limits).
const std::string properties =
    "$select=id,groupTypes,mailEnabled,securityEnabled,onPremisesSyncEnabled,isAssignableToRole"
    "&$expand=owners($select=id)";

std::string path_of(const Uuid& group) {
  return "/groups/" + group.to_string() + "?" + properties;
}
std::string deleted_path_of(const Uuid& group) {
  return "/directory/deletedItems/" + group.to_string();
}

std::string list_path(const std::vector<Uuid>& groups, std::size_t first, std::size_t last) {
  std::string ids;
  for (std::size_t i = first; i < last; ++i)
    ids += (ids.empty() ? "'" : ",'") + groups[i].to_string() + "'";
  return "/groups?$filter=id%20in%20(" + ids + ")&" + properties;
}

Look read(const graph::Response& response) {
  Look look;
  look.status = response.status;
  if (response.ok()) look.properties = response.body;
  look.message = response.ok() ? std::string{} : graph::describe(response);
  return look;
}

void read_deleted(const graph::Response& response, Look& look) {
  look.deleted_status = response.status;
  if (response.ok()) look.deleted_at = text_member(response.body, "deletedDateTime");
}

[[noreturn]] void refuse_token(const graph::Response& response) {
  throw Error(Fault::denied, "graph_not_permitted",
              "Microsoft Graph refuses our token: " + graph::describe(response));
}

bool passing(int status) {
  return status == 0 || status == 408 || status == 424 || status == 429 || status >= 500;
}

using Listed = std::unordered_map<Uuid, Look>;

void take_listing(const graph::Response& page, Listed& listed) {
  const auto list = page.body.is_object() ? page.body.find("value") : page.body.end();
  if (!page.body.is_object() || list == page.body.end() || !list->is_array()) return;
  for (const Json& group : *list) {
    const auto id = Uuid::parse(text_member(group, "id"));
    if (!id) continue;
    Look& look = listed[*id];
    look.status = page.status;
    look.properties = group;
  }
}

/// What listings say of the groups. A group whose listing failed has that as its answer; one that is in no
/// listing has none.
Listed list(graph::Client& client, const std::vector<Uuid>& groups, const graph::CallContext& call) {
  std::vector<graph::Request> requests;
  for (std::size_t first = 0; first < groups.size(); first += groups_per_filter)
    requests.push_back(
        graph::get(list_path(groups, first, std::min(groups.size(), first + groups_per_filter))));
  const auto pages = graph::read_batch(client, requests, call);
  const bool away =
      std::ranges::all_of(pages, [](const graph::Response& page) { return passing(page.status); });
  if (away)
    throw Error(Fault::transient, "graph_unavailable",
                "Microsoft Graph does not list the groups: " + graph::describe(pages.at(0)));
  // A permission is granted for all groups or for none.
  if (std::ranges::all_of(pages, [](const graph::Response& page) { return page.status == 403; }))
    throw Error(Fault::denied, "graph_not_permitted",
                "Microsoft Graph shows the app none of the linked groups: it needs GroupMember.Read.All or "
                "Group.Read.All (" +
                    graph::describe(pages.at(0)) + ")");
  Listed listed;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (pages[i].status == 401) refuse_token(pages[i]);
    if (pages[i].ok()) take_listing(pages[i], listed);
    if (!passing(pages[i].status)) continue;
    const std::size_t first = i * groups_per_filter;
    for (std::size_t j = first; j < std::min(groups.size(), first + groups_per_filter); ++j)
      listed[groups[j]] = read(pages[i]);
  }
  return listed;
}

/// Those that no listing showed, one by one.
void ask(graph::Client& client, const std::vector<Uuid>& groups, const graph::CallContext& call,
         Listed& listed) {
  for (std::size_t first = 0; first < groups.size(); first += absent_per_batch) {
    const std::size_t last = std::min(groups.size(), first + absent_per_batch);
    std::vector<graph::Request> requests;
    for (std::size_t i = first; i < last; ++i) {
      requests.push_back(graph::get(path_of(groups[i])));
      requests.push_back(graph::get(deleted_path_of(groups[i])));
    }
    const auto answers = graph::read_batch(client, requests, call);
    for (std::size_t i = first; i < last; ++i) {
      const auto& answer = answers.at((i - first) * 2);
      if (answer.status == 401) refuse_token(answer);
      Look& look = listed[groups[i]] = read(answer);
      if (look.status == 404) read_deleted(answers.at((i - first) * 2 + 1), look);
    }
  }
}

/// Graph failing for good is an answer about this group.
graph::Response send(graph::Client& client, const std::string& path, const graph::CallContext& call) {
  try {
    return client.send(graph::get(path), call);
  } catch (const Error& error) {
    if (error.fault() != Fault::transient || call.stop.stop_requested()) throw;
    graph::Response none;
    none.error_message = error.what();
    return none;
  }
}

}  // namespace

std::vector<Look> look_at(graph::Client& client, const std::vector<Uuid>& groups,
                          const graph::CallContext& call) {
  Listed listed = list(client, groups, call);
  std::vector<Uuid> absent;
  std::ranges::copy_if(groups, std::back_inserter(absent),
                       [&](const Uuid& group) { return !listed.contains(group); });
  ask(client, absent, call, listed);
  std::vector<Look> looks;
  for (const Uuid& group : groups)
    looks.push_back(listed.at(group));
  return looks;
}

Look look_at(graph::Client& client, const Uuid& group, const graph::CallContext& call) {
  Look look = read(send(client, path_of(group), call));
  if (look.status == 404) read_deleted(send(client, deleted_path_of(group), call), look);
  return look;
}

graph::Response restore(graph::Client& client, const Uuid& group, const graph::CallContext& call) {
  graph::Request request;
  request.method = "POST";
  request.url = deleted_path_of(group) + "/restore";
  return client.send(request, call);
}

}  // namespace rollcall::group_health
