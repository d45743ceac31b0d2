#include "ops/sandbox/graph/directory_json.h"
#include "ops/sandbox/graph/filter.h"
#include "ops/sandbox/graph/graph_api.h"

#include <algorithm>

namespace rollcall::sandbox_graph {
namespace {

constexpr std::size_t expressions_max = 15;

void collect(const std::unordered_multimap<std::string, std::size_t>& index, const std::string& value,
             std::vector<std::size_t>& found) {
  const auto [begin, end] = index.equal_range(lower(value));
  for (auto it = begin; it != end; ++it)
    found.push_back(it->second);
}

/// By index wherever people filter by address: a tenant may have hundreds of thousands of users.
bool find_matches(const Directory& directory, const Clause& clause, std::vector<std::size_t>& found) {
  if (clause.property == "mail") return collect(directory.by_mail, clause.value, found), true;
  if (clause.property == "userPrincipalName") return collect(directory.by_upn, clause.value, found), true;
  if (clause.property == "proxyAddresses") return collect(directory.by_proxy, clause.value, found), true;
  if (clause.property == "otherMails") return true;
  if (clause.property == "id") {
    const auto id = Uuid::parse(clause.value);
    const auto at = id ? directory.user_at.find(*id) : directory.user_at.end();
    if (at != directory.user_at.end()) found.push_back(at->second);
    return true;
  }
  if (clause.property != "displayName") return false;
  for (std::size_t i = 0; i < directory.users.size(); ++i)
    if (lower(directory.users[i].display_name) == lower(clause.value)) found.push_back(i);
  return true;
}

Result<std::vector<std::size_t>> matching(const Directory& directory, const std::string& filter) {
  const auto clauses = parse_filter(filter);
  if (!clauses) return unexpected(clauses.error());
  if (clauses->size() > expressions_max)
    return unexpected(
        Problem{"Request_UnsupportedQuery",
                "Too many child clauses specified in search filter expression containing 'OR' operators: " +
                    std::to_string(clauses->size()) + ". Max allowed: 15."});
  std::vector<std::size_t> found;
  for (const Clause& clause : *clauses) {
    if (clause.value.size() > 120)
      return unexpected(
          Problem{"Request_UnsupportedQuery", "A filter value may not be longer than 120 characters."});
    if (!find_matches(directory, clause, found))
      return unexpected(Problem{"Request_UnsupportedQuery",
                                "Unsupported or invalid query filter clause specified for property '" +
                                    clause.property + "' of resource 'User'."});
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

}  // namespace

Answer list_users(State& state, const Call& call, WallTime) {
  const auto top = page_size(call);
  const auto from = skip_position(call);
  if (!top || !from) return fail(400, "Request_BadRequest", "Invalid page size or page token.");
  const bool filtered = call.has("$filter");
  std::vector<std::size_t> found;
  if (filtered) {
    auto matches = matching(state.directory, call.option("$filter"));
    if (!matches) return fail(400, matches.error().code, matches.error().message);
    found = std::move(*matches);
  }
  const std::size_t end = filtered ? found.size() : state.directory.users.size();
  Json value = Json::array();
  std::size_t at = *from;
  for (; at < end && value.size() < *top; ++at) {
    const User& user = state.directory.users[filtered ? found[at] : at];
    if (!user.deleted) value.push_back(user_json(user, call.option("$select")));
  }
  Json body{{"@odata.context", call.base + "/$metadata#users"}, {"value", std::move(value)}};
  if (at < end) body["@odata.nextLink"] = next_link(call, at);
  return {200, std::move(body), {}};
}

Answer get_user(State& state, const Call& call, WallTime) {
  const std::string& name = call.segments[1];
  const auto id = Uuid::parse(name);
  const User* user = id ? find_user(state.directory, *id) : nullptr;
  if (!id) {
    const auto [begin, end] = state.directory.by_upn.equal_range(lower(name));
    for (auto it = begin; it != end && !user; ++it)
      if (!state.directory.users[it->second].deleted) user = &state.directory.users[it->second];
  }
  return user ? Answer{200, user_json(*user, call.option("$select")), {}} : not_found(name);
}

Answer get_by_ids(State& state, const Call& call, WallTime) {
  const Json ids = call.body.is_object() ? call.body.value("ids", Json()) : Json();
  if (!ids.is_array() || ids.empty() || ids.size() > 1000)
    return fail(400, "Request_BadRequest", "The property 'ids' must be an array of 1 to 1000 ids.");
  const Json types = call.body.value("types", Json::array({"directoryObject"}));
  const auto wanted = [&](const char* type) {
    return types.is_array() && (std::ranges::find(types, Json(type)) != types.end() ||
                                std::ranges::find(types, Json("directoryObject")) != types.end());
  };
  Json value = Json::array();
  for (const Json& entry : ids) {
    const auto id = entry.is_string() ? Uuid::parse(entry.get_ref<const std::string&>()) : std::nullopt;
    if (!id) return fail(400, "Request_BadRequest", "Invalid GUID: " + dump(entry));
    // Unknown ids are left out, not reported.
    if ((find_user(state.directory, *id) && wanted("user")) ||
        (find_group(state.directory, *id) && wanted("group")))
      value.push_back(object_json(state.directory, *id, call.option("$select")));
  }
  return {200, {{"value", std::move(value)}}, {}};
}

}  // namespace rollcall::sandbox_graph
