#include "common/core/percent.h"
#include "ops/sandbox/graph/directory_json.h"
#include "ops/sandbox/graph/filter.h"
#include "ops/sandbox/graph/graph_api.h"
#include "ops/sandbox/graph/jwt.h"

#include <algorithm>

/// GET /groups/delta. A first round reports everything, later ones what changed since; the tokens are kept
/// here, so that they are as opaque as the real ones.
namespace rollcall::sandbox_graph {
namespace {

constexpr std::size_t page_items = 1000;  // members and groups together
constexpr std::size_t filter_groups_max = 50;

void sweep(State& state, WallTime now) {
  std::erase_if(state.deltas,
                [&](const auto& known) { return now - known.second.issued > state.settings.delta_lifetime; });
  state.deltas_swept_at = std::max<std::size_t>(4096, state.deltas.size() * 2);
}

std::string keep(State& state, DeltaToken token) {
  // Thousands of groups make hundreds of links a round: what nobody may use any more goes, now and then.
  if (state.deltas.size() >= state.deltas_swept_at) sweep(state, token.issued);
  const std::string name = random_uuid(state);
  state.deltas.emplace(name, std::move(token));
  return name;
}

std::string link(const Call& call, const char* option, const std::string& token) {
  return call.base + "/groups/delta?" + option + "=" + token;
}

Json member_entry(const Directory& directory, const Uuid& id, bool present) {
  const char* type = directory.groups.contains(id) ? "#microsoft.graph.group" : "#microsoft.graph.user";
  Json entry{{"@odata.type", type}, {"id", id.to_string()}};
  if (!present) entry["@removed"] = {{"reason", "deleted"}};
  return entry;
}

/// What the log says of the group itself in (from, to].
struct Life {
  bool born = false;              ///< created or restored: to be reported whole
  bool updated = false;           ///< a property changed
  const char* removed = nullptr;  ///< the reason
};
Life life(const Directory& directory, const Group& group, Version from, Version to) {
  Life out;
  for (auto entry = std::ranges::lower_bound(group.log, from); entry != group.log.end() && *entry < to;
       ++entry) {
    const Op op = directory.log[*entry].op;
    if (op == Op::delete_group) out = {false, false, "changed"};  // restorable
    if (op == Op::purge_group) out = {false, false, "deleted"};
    if (op == Op::create_group || op == Op::restore_group) out = {true, false, nullptr};
    if (op == Op::update_group) out.updated = true;
  }
  return out;
}

bool names(const std::string& select, std::string_view name) {
  return ("," + select + ",").find("," + std::string(name) + ",") != std::string::npos;
}

/// Without $select everything is tracked, with it only what it names.
bool tracks_members(const DeltaQuestion& question) {
  return question.select.empty() || names(question.select, "members");
}
bool tracks_properties(const DeltaQuestion& question) {
  return question.select.empty() || (question.select != "members" && question.select != "id,members");
}

struct Chunk {
  Json entry;  ///< null: nothing to say of this group
  std::size_t items = 0;
  std::optional<std::size_t> next;  ///< where the group goes on in a later page
};

Json group_head(const Group& group, const std::string& select, bool whole) {
  if (!whole) return {{"id", group.id.to_string()}};
  return group_json(group, select.empty() ? "" : select + ",id");
}

Chunk whole_group(const Directory& directory, const Group& group, const DeltaToken& token, std::size_t room) {
  Chunk chunk{group_head(group, token.question->select, true), 1, {}};
  if (!tracks_members(*token.question)) return chunk;
  const MemberPage page = members_page(group, token.to, token.at, room);
  chunk.items += page.ids.size();
  chunk.next = page.next;
  if (page.ids.empty()) return chunk;  // no members, no property
  Json& members = chunk.entry["members@delta"] = Json::array();
  for (const Uuid& id : page.ids)
    members.push_back(member_entry(directory, id, true));
  return chunk;
}

Chunk changed_group(const Directory& directory, const Group& group, DeltaToken& token, bool updated,
                    std::size_t room) {
  const bool properties = updated && tracks_properties(*token.question);
  if (!token.changes && tracks_members(*token.question))
    token.changes = std::make_shared<const std::vector<MemberChange>>(
        changed_members(directory, group, token.from, token.to));
  const std::size_t count = token.changes ? token.changes->size() : 0;
  if (count == 0 && !properties) return {};
  Chunk chunk{group_head(group, token.question->select, properties), 1, {}};
  const std::size_t end = std::min(count, token.at + room);
  if (token.at < end) {
    Json& members = chunk.entry["members@delta"] = Json::array();
    for (std::size_t i = token.at; i < end; ++i)
      members.push_back(member_entry(directory, (*token.changes)[i].id, (*token.changes)[i].present));
  }
  chunk.items += end - token.at;
  if (end < count) chunk.next = end;
  return chunk;
}

Chunk describe(const Directory& directory, DeltaToken& token, std::size_t room) {
  const auto at = directory.groups.find(token.question->groups[token.group]);
  if (at == directory.groups.end()) return {};
  const Group& group = at->second;
  if (token.initial) return exists_at(group, token.to) ? whole_group(directory, group, token, room) : Chunk{};
  const Life fate = life(directory, group, token.from, token.to);
  if (fate.removed) return {{{"id", group.id.to_string()}, {"@removed", {{"reason", fate.removed}}}}, 1, {}};
  if (!exists_at(group, token.to)) return {};
  return fate.born ? whole_group(directory, group, token, room)
                   : changed_group(directory, group, token, fate.updated, room);
}

void advance(DeltaToken& token, const Chunk& chunk) {
  token.at = chunk.next.value_or(0);
  if (chunk.next) return;
  ++token.group;
  token.changes.reset();
}

Answer answer_page(State& state, const Call& call, DeltaToken token, WallTime now) {
  Json value = Json::array();
  std::size_t room = page_fill(state, page_items);
  while (token.group < token.question->groups.size() && room > 0) {
    Chunk chunk = describe(state.directory, token, room);
    advance(token, chunk);
    room -= std::min(room, chunk.items);
    if (!chunk.entry.is_null()) value.push_back(std::move(chunk.entry));
  }
  Json body{{"@odata.context", call.base + "/$metadata#groups"}, {"value", std::move(value)}};
  token.issued = now;
  token.page = token.group < token.question->groups.size();
  if (token.page) {
    body["@odata.nextLink"] = link(call, "$skiptoken", keep(state, std::move(token)));
  } else {
    token.from = token.to;
    token.initial = false;
    token.group = token.at = 0;
    body["@odata.deltaLink"] = link(call, "$deltatoken", keep(state, std::move(token)));
  }
  return {200, std::move(body), {}};
}

/// The same question again, from the start.
std::string resync_location(const Call& call, const DeltaQuestion& question) {
  std::string target = call.base + "/groups/delta?$deltatoken=";
  if (!question.select.empty()) target += "&$select=" + percent_encode(question.select);
  std::string filter;
  if (!question.all)
    for (const Uuid& id : question.groups)
      filter += (filter.empty() ? "id eq '" : " or id eq '") + id.to_string() + "'";
  return filter.empty() ? target : target + "&$filter=" + percent_encode(filter);
}

Answer expired() {
  return fail(400, "syncStateNotFound",
              "The sync state generation is not found; the token has expired. Start a full synchronization.");
}

Answer gone(const Call& call, const DeltaQuestion& question) {
  Answer answer =
      fail(410, "resyncRequired", "Resync required. Replace any local items with the server's version.");
  answer.headers.emplace_back("Location", resync_location(call, question));
  return answer;
}

/// The whole tenant's groups, as they are listed now.
std::shared_ptr<const DeltaQuestion> about_all(const State& state, const std::string& select) {
  return std::make_shared<const DeltaQuestion>(DeltaQuestion{state.directory.group_order, true, select});
}

Answer resume(State& state, const Call& call, const std::string& name, WallTime now) {
  const auto known = state.deltas.find(name);
  if (known == state.deltas.end()) return expired();
  if (now - known->second.issued > state.settings.delta_lifetime) {
    state.deltas.erase(known);
    return expired();
  }
  DeltaToken token = known->second;  // replays are allowed: the token stays
  if (!state.delta_loss.empty() && token.issued <= state.delta_lost_before)
    return state.delta_loss == "gone" ? gone(call, *token.question) : expired();
  if (!token.page) {
    token.to = std::max(visible(state, now), token.from);
    if (token.question->all && token.question->groups.size() != state.directory.group_order.size())
      token.question = about_all(state, token.question->select);
  }
  return answer_page(state, call, std::move(token), now);
}

/// Nothing where the filter is not what delta supports.
std::optional<std::vector<Uuid>> filtered_groups(const std::string& filter) {
  const auto clauses = parse_filter(filter);
  if (!clauses || clauses->size() > filter_groups_max) return std::nullopt;
  std::vector<Uuid> ids;
  for (const Clause& clause : *clauses) {
    const auto id = Uuid::parse(clause.value);
    if (clause.property != "id" || !id) return std::nullopt;
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

Answer groups_delta(State& state, const Call& call, WallTime now) {
  if (call.has("$skiptoken")) return resume(state, call, call.option("$skiptoken"), now);
  const std::string since = call.option("$deltatoken");
  if (!since.empty() && since != "latest") return resume(state, call, since, now);
  for (const char* option : {"$top", "$orderby", "$expand"})
    if (call.has(option))
      return fail(400, "Request_UnsupportedQuery", std::string(option) + " is not supported with delta.");
  DeltaToken token;
  token.to = visible(state, now);
  token.initial = true;
  if (call.has("$filter")) {
    auto ids = filtered_groups(call.option("$filter"));
    if (!ids)
      return fail(400, "Request_UnsupportedQuery",
                  "Delta supports a filter on up to 50 group ids, nothing else.");
    token.question =
        std::make_shared<const DeltaQuestion>(DeltaQuestion{std::move(*ids), false, call.option("$select")});
  } else {
    token.question = about_all(state, call.option("$select"));
  }
  if (since == "latest") token.group = token.question->groups.size();
  return answer_page(state, call, std::move(token), now);
}

}  // namespace rollcall::sandbox_graph
