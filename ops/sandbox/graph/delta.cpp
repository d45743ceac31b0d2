#include "ops/sandbox/graph/directory_json.h"
#include "ops/sandbox/graph/filter.h"
#include "ops/sandbox/graph/graph_api.h"

#include <algorithm>

/// GET /groups/delta. A first round reports everything, later ones what changed since; the tokens are kept
/// here, so that they are as opaque as the real ones.
namespace rollcall::sandbox_graph {
namespace {

constexpr std::size_t page_items = 1000;  // members and groups together
constexpr std::size_t filter_groups_max = 50;

std::string keep(State& state, DeltaToken token) {
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
  bool born = false;  ///< created or restored: to be reported whole
  bool deleted = false;
};
Life life(const Directory& directory, const Group& group, Version from, Version to) {
  Life out;
  for (auto entry = std::ranges::lower_bound(group.log, from); entry != group.log.end() && *entry < to;
       ++entry) {
    const Op op = directory.log[*entry].op;
    if (op == Op::delete_group) out = {false, true};
    if (op == Op::create_group || op == Op::restore_group) out = {true, false};
  }
  return out;
}

struct Chunk {
  Json entry;  ///< null: nothing to say of this group
  std::size_t items = 0;
  bool more = false;
};

Json group_head(const Group& group, const std::string& select, bool whole) {
  if (!whole) return {{"id", group.id.to_string()}};
  Json head = group_json(group, select.empty() ? "" : select + ",id");
  head["id"] = group.id.to_string();
  return head;
}

Chunk whole_group(const Directory& directory, const Group& group, const DeltaToken& token, std::size_t room) {
  const MemberPage page = members_page(group, token.to, token.at, room);
  Chunk chunk{group_head(group, token.select, true), page.ids.size() + 1, page.next.has_value()};
  for (const Uuid& id : page.ids)
    chunk.entry["members@delta"].push_back(member_entry(directory, id, true));
  return chunk;
}

Chunk changed_group(const Directory& directory, const Group& group, const DeltaToken& token,
                    std::size_t room) {
  const auto changes = changed_members(directory, group, token.from, token.to);
  if (changes.empty()) return {};
  Chunk chunk{group_head(group, token.select, false), 0, false};
  const std::size_t end = std::min(changes.size(), token.at + room);
  for (std::size_t i = token.at; i < end; ++i)
    chunk.entry["members@delta"].push_back(member_entry(directory, changes[i].id, changes[i].present));
  chunk.items = end - token.at + 1;
  chunk.more = end < changes.size();
  return chunk;
}

Chunk describe(const Directory& directory, const DeltaToken& token, std::size_t room) {
  const auto at = directory.groups.find(token.groups[token.group]);
  if (at == directory.groups.end()) return {};
  const Group& group = at->second;
  const Life fate = life(directory, group, token.initial ? 0 : token.from, token.to);
  if (fate.deleted) {
    if (token.initial) return {};
    return {{{"id", group.id.to_string()}, {"@removed", {{"reason", group.purged ? "deleted" : "changed"}}}},
            1,
            false};
  }
  if (group.created > token.to) return {};
  return token.initial || fate.born ? whole_group(directory, group, token, room)
                                    : changed_group(directory, group, token, room);
}

void advance(const Directory& directory, DeltaToken& token, const Chunk& chunk, std::size_t room) {
  if (!chunk.more) {
    ++token.group;
    token.at = 0;
    return;
  }
  const Group& group = directory.groups.at(token.groups[token.group]);
  const bool whole = token.initial || life(directory, group, token.from, token.to).born;
  token.at = whole ? *members_page(group, token.to, token.at, room).next : token.at + room;
}

Answer answer_page(State& state, const Call& call, DeltaToken token, WallTime now) {
  Json value = Json::array();
  std::size_t room = page_items;
  while (token.group < token.groups.size() && room > 0) {
    const Chunk chunk = describe(state.directory, token, room);
    advance(state.directory, token, chunk, room);
    room -= std::min(room, chunk.items);
    if (!chunk.entry.is_null()) value.push_back(chunk.entry);
  }
  Json body{{"@odata.context", call.base + "/$metadata#groups"}, {"value", std::move(value)}};
  token.issued = now;
  token.page = token.group < token.groups.size();
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

Answer lost(const Call& call, const std::string& how) {
  if (how != "gone")
    return fail(
        400, "syncStateNotFound",
        "The sync state generation is not found; the token has expired. Start a full synchronization.");
  Answer answer =
      fail(410, "resyncRequired", "Resync required. Replace any local items with the server's version.");
  answer.headers.emplace_back("Location", call.base + "/groups/delta?$deltatoken=");
  return answer;
}

Answer resume(State& state, const Call& call, const std::string& name, WallTime now) {
  const auto known = state.deltas.find(name);
  if (known == state.deltas.end() || now - known->second.issued > state.settings.delta_lifetime)
    return lost(call, "");
  if (!state.delta_loss.empty() && known->second.issued <= state.delta_lost_before)
    return lost(call, state.delta_loss);
  DeltaToken token = known->second;  // replays are allowed: the token stays
  if (!token.page) {
    token.to = std::max(visible(state, now), token.from);
    if (token.all) token.groups = state.directory.group_order;
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
  token.all = !call.has("$filter");
  token.groups = state.directory.group_order;
  token.select = call.option("$select");
  token.to = visible(state, now);
  token.initial = true;
  if (!token.all) {
    auto ids = filtered_groups(call.option("$filter"));
    if (!ids)
      return fail(400, "Request_UnsupportedQuery",
                  "Delta supports a filter on up to 50 group ids, nothing else.");
    token.groups = std::move(*ids);
  }
  if (since == "latest") token.group = token.groups.size();
  return answer_page(state, call, std::move(token), now);
}

}  // namespace rollcall::sandbox_graph
