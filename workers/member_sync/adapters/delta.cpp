#include "workers/member_sync/adapters/delta.h"

#include "common/core/error.h"
#include "common/graph/reads.h"
#include "common/log/log.h"

#include <algorithm>
#include <optional>

namespace rollcall::member_sync {
namespace {

constexpr const char* user_type = "#microsoft.graph.user";
constexpr int pages_max = 100'000;
/// A group that changed more than this is read by a run anyway; a round must not fill the memory.
constexpr std::size_t changes_held_max = 1'000;

bool take_group(const Json& group, GroupChanges& changes) {
  const auto id = Uuid::parse(text_member(group, "id"));
  if (!id) return false;
  GroupChange& change = changes[*id];
  if (group.contains("@removed")) {
    change.anew = true;
    return true;
  }
  const auto members = group.find("members@delta");
  if (members == group.end()) return true;
  if (!members->is_array()) return false;
  for (const Json& member : *members) {
    const auto member_id = Uuid::parse(text_member(member, "id"));
    if (!member_id) return false;
    const bool removed = member.contains("@removed");
    if (removed || is_user(member)) change.members[*member_id] = !removed;
  }
  return true;
}

void drop_large(GroupChanges& changes) {
  for (auto& [id, change] : changes) {
    if (change.members.size() <= changes_held_max) continue;
    change.anew = true;
    change.members.clear();
  }
}

/// The next page; nothing where Graph fails.
std::optional<graph::Response> follow(graph::Client& client, const std::string& link,
                                      const graph::CallContext& call) {
  try {
    return client.send(graph::get(link), call);
  } catch (const Error& error) {
    if (error.fault() != Fault::transient) throw;
    log::warn("delta_page_failed", log::describe(error));
    return std::nullopt;
  }
}

DeltaRound read_on(graph::Client& client, graph::Response page, const graph::CallContext& call) {
  DeltaRound round;
  for (int pages = 0; pages < pages_max; ++pages) {
    if (page.status == 0 || page.status >= 500 || page.status == 429) return round;
    if (page.status == 401)
      throw Error(Fault::denied, "graph_not_permitted",
                  "Microsoft Graph refuses our token: " + describe(page));
    if (!page.ok() || !take_delta_page(page.body, round.groups)) break;
    drop_large(round.groups);
    round.delta_link = text_member(page.body, "@odata.deltaLink");
    if (!round.delta_link.empty()) {
      round.state = DeltaRound::State::read;
      return round;
    }
    const std::string next = text_member(page.body, "@odata.nextLink");
    if (next.empty()) break;
    auto followed = follow(client, next, call);
    if (!followed) return round;
    page = std::move(*followed);
  }
  round.state = DeltaRound::State::refused;
  return round;
}

}  // namespace

bool is_user(const Json& member) {
  const std::string type = text_member(member, "@odata.type");
  return type.empty() || type == user_type;
}

std::string watch_path(const std::vector<Uuid>& groups) {
  std::string path = "/groups/delta?$deltatoken=latest&$select=members&$filter=";
  for (std::size_t i = 0; i < groups.size(); ++i)
    path += (i == 0 ? "id%20eq%20'" : "%20or%20id%20eq%20'") + groups[i].to_string() + "'";
  return path;
}

bool take_delta_page(const Json& body, GroupChanges& changes) {
  const auto list = body.is_object() ? body.find("value") : body.end();
  if (!body.is_object() || list == body.end() || !list->is_array()) return false;
  return std::ranges::all_of(*list, [&](const Json& group) { return take_group(group, changes); });
}

std::vector<DeltaRound> read_rounds(graph::Client& client, const std::vector<std::string>& urls,
                                    const graph::CallContext& call) {
  std::vector<DeltaRound> rounds(urls.size());
  std::vector<graph::Request> requests;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < urls.size(); ++i) {
    const std::string url = urls[i].starts_with('/') ? urls[i] : relative_to(client, urls[i]);
    rounds[i].state = DeltaRound::State::refused;  // a link of another service: the root was changed
    if (url.empty()) continue;
    requests.push_back(graph::get(url));
    asked.push_back(i);
  }
  if (requests.empty()) return rounds;
  auto pages = read_batch(client, requests, call);
  for (std::size_t i = 0; i < asked.size(); ++i)
    rounds[asked[i]] = read_on(client, std::move(pages.at(i)), call);
  return rounds;
}

}  // namespace rollcall::member_sync
