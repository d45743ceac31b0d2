#pragma once
#include "common/core/json.h"
#include "common/core/result.h"
#include "ops/sandbox/graph/state.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace rollcall::sandbox_graph {

/// One request to Graph, alone or as a part of a batch.
struct Call {
  std::string method;
  std::string target;                 ///< below the version: "/groups/{id}?$select=id"
  std::vector<std::string> segments;  ///< decoded
  std::vector<std::pair<std::string, std::string>> query;
  http_server::Headers headers;
  Json body;
  std::string base;  ///< "http://host/v1.0", for absolute links
  std::string request_id;
  const Delegation* on_behalf = nullptr;  ///< null: the app itself calls
  bool part = false;

  [[nodiscard]] std::string option(std::string_view name) const;  ///< empty where absent
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] std::string path() const;
};

struct Answer {
  int status = 200;
  Json body;  ///< null: none
  http_server::Headers headers;
  bool cut = false;  ///< applied, but nobody is to hear of it
};

Answer fail(int status, std::string code, std::string message);
Answer not_found(const std::string& id);

/// The whole service. Status 0: the connection is to be closed without an answer.
http_server::Response handle(const http_server::Request& request, State& state, WallTime now);

/// Splits a target; the caller fills in the rest.
Call make_call(std::string method, std::string target);
/// One metered request: judged by the quotas, perhaps broken on purpose, else answered.
Answer metered(State& state, Call& call, WallTime now);
/// Adds request-id, client-request-id and an error's innerError, which a part has as a whole answer does.
void finish(Answer& answer, const Call& call, WallTime now);
/// $top within [1, 999]; nothing where it is malformed.
std::optional<std::size_t> page_size(const Call& call);
/// This request's own URL with another $skiptoken, as a nextLink.
std::string next_link(const Call& call, std::size_t position);
/// Where the $skiptoken says to go on; 0 without one, nothing where it is not one of ours.
std::optional<std::size_t> skip_position(const Call& call);
/// How many of the items asked for a page holds: all, but for an injected fault.
std::size_t page_fill(State& state, std::size_t asked);
/// One of the injected statuses, as Graph words it.
Answer broken(State& state, bool applied = false);
/// What goes wrong with this call on purpose, if anything.
std::optional<Answer> injected_fault(State& state, const Call& call);
/// A failure of that status, as Graph words it.
Answer failure(int status, std::string message);
Stamp stamp(const Call& call, WallTime now);

using Operation = Answer (*)(State&, const Call&, WallTime);
// groups.cpp
Answer list_groups(State& state, const Call& call, WallTime now);
Answer get_group(State& state, const Call& call, WallTime now);
Answer create_group(State& state, const Call& call, WallTime now);
Answer delete_group(State& state, const Call& call, WallTime now);
Answer get_group_by_name(State& state, const Call& call, WallTime now);
Answer upsert_group(State& state, const Call& call, WallTime now);
// deleted_items.cpp
Answer list_deleted_groups(State& state, const Call& call, WallTime now);
Answer list_deleted_users(State& state, const Call& call, WallTime now);
Answer get_deleted(State& state, const Call& call, WallTime now);
Answer restore_deleted(State& state, const Call& call, WallTime now);
Answer purge_deleted(State& state, const Call& call, WallTime now);
// membership.cpp
Answer list_members(State& state, const Call& call, WallTime now);
Answer list_member_users(State& state, const Call& call, WallTime now);
Answer count_members(State& state, const Call& call, WallTime now);
Answer cast_members(State& state, const Call& call, WallTime now);
Answer bind_at_ref(State& state, const Call& call, WallTime now);
Answer add_member_ref(State& state, const Call& call, WallTime now);
Answer remove_member_ref(State& state, const Call& call, WallTime now);
Answer delete_user_by_mistake(State& state, const Call& call, WallTime now);
Answer patch_group(State& state, const Call& call, WallTime now);
Answer list_owners(State& state, const Call& call, WallTime now);
Answer add_owner_ref(State& state, const Call& call, WallTime now);
Answer remove_owner_ref(State& state, const Call& call, WallTime now);
/// The object ids of an "…@odata.bind" array; Problem: malformed.
Result<std::vector<Uuid>> bind_ids(const Json& body, const char* name);
// delta.cpp
Answer groups_delta(State& state, const Call& call, WallTime now);
// applications.cpp
Answer get_application(State& state, const Call& call, WallTime now);
// subscriptions.cpp
Answer list_subscriptions(State& state, const Call& call, WallTime now);
Answer get_subscription(State& state, const Call& call, WallTime now);
Answer create_subscription(State& state, const Call& call, WallTime now);
Answer renew_subscription(State& state, const Call& call, WallTime now);
Answer delete_subscription(State& state, const Call& call, WallTime now);
// users.cpp
Answer list_users(State& state, const Call& call, WallTime now);
Answer get_user(State& state, const Call& call, WallTime now);
Answer get_by_ids(State& state, const Call& call, WallTime now);

}  // namespace rollcall::sandbox_graph
