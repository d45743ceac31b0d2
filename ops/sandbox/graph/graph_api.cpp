#include "ops/sandbox/graph/graph_api.h"

#include "common/core/percent.h"
#include "ops/sandbox/graph/batch.h"
#include "ops/sandbox/graph/control.h"
#include "ops/sandbox/graph/entra.h"
#include "ops/sandbox/graph/identity.h"
#include "ops/sandbox/graph/office_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

struct Route {
  std::string_view method;
  std::string_view pattern;  ///< '*' is any one segment
  Operation operation;
  double units;
  double writes;
};

/// Costs: throttling-limits, identity and access; what it does not list costs 1.
constexpr std::array routes{
    Route{"GET", "groups/delta", groups_delta, 1, 0},
    Route{"GET", "groups", list_groups, 1, 0},
    Route{"POST", "groups", create_group, 1, 1},
    Route{"GET", "groups/*", get_group, 1, 0},
    Route{"PATCH", "groups/*", patch_group, 1, 1},
    Route{"GET", "groups(uniqueName)/*", get_group_by_name, 1, 0},
    Route{"PATCH", "groups(uniqueName)/*", upsert_group, 1, 1},
    Route{"DELETE", "groups/*", delete_group, 1, 1},
    Route{"GET", "groups/*/members", list_members, 3, 0},
    Route{"GET", "groups/*/members/microsoft.graph.user", list_member_users, 3, 0},
    Route{"GET", "groups/*/members/$count", count_members, 1, 0},
    Route{"GET", "groups/*/members/*", cast_members, 1, 0},
    Route{"PATCH", "groups/*/members/$ref", bind_at_ref, 1, 1},
    Route{"POST", "groups/*/members/$ref", add_member_ref, 1, 1},
    Route{"DELETE", "groups/*/members/*/$ref", remove_member_ref, 1, 1},
    Route{"DELETE", "groups/*/members/*", delete_user_by_mistake, 1, 1},
    Route{"GET", "groups/*/owners", list_owners, 1, 0},
    Route{"POST", "groups/*/owners/$ref", add_owner_ref, 1, 1},
    Route{"DELETE", "groups/*/owners/*/$ref", remove_owner_ref, 1, 1},
    Route{"GET", "directory/deletedItems/microsoft.graph.group", list_deleted_groups, 1, 0},
    Route{"GET", "directory/deletedItems/microsoft.graph.user", list_deleted_users, 1, 0},
    Route{"GET", "directory/deletedItems/*", get_deleted, 1, 0},
    Route{"DELETE", "directory/deletedItems/*", purge_deleted, 1, 1},
    Route{"POST", "directory/deletedItems/*/restore", restore_deleted, 1, 1},
    Route{"GET", "applications(appId)/*", get_application, 1, 0},
    Route{"GET", "subscriptions", list_subscriptions, 1, 0},
    Route{"POST", "subscriptions", create_subscription, 1, 1},
    Route{"GET", "subscriptions/*", get_subscription, 1, 0},
    Route{"PATCH", "subscriptions/*", renew_subscription, 1, 1},
    Route{"DELETE", "subscriptions/*", delete_subscription, 1, 1},
    Route{"GET", "users", list_users, 2, 0},
    Route{"GET", "users/*", get_user, 1, 0},
    Route{"DELETE", "users/*", delete_user_by_mistake, 1, 1},
    Route{"POST", "directoryObjects/getByIds", get_by_ids, 5, 0},
};

bool fits(std::string_view pattern, const std::vector<std::string>& segments) {
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    const auto end = std::min(pattern.find('/'), pattern.size());
    const auto part = pattern.substr(0, end);
    if (part != "*" && part != segment) return false;
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return pattern.empty();
}

const Route* find_route(const Call& call) {
  const auto found = std::ranges::find_if(routes, [&](const Route& route) {
    return route.method == call.method && fits(route.pattern, call.segments);
  });
  return found == routes.end() ? nullptr : &*found;
}

Cost cost_of(const Route& route, const Call& call) {
  const bool select = call.has("$select");
  if (route.operation == get_by_ids) return {select ? 2.0 : 5.0, 0};
  const auto top = page_size(call);
  double units = route.units - (select ? 1 : 0) + (call.has("$expand") ? 1 : 0);
  if (call.has("$top") && top && *top < 20) units -= 1;
  return {std::max(units, 1.0), route.writes};
}

Priority priority_of(const Call& call) {
  return lower(call.header("x-ms-throttle-priority")) == "low" ? Priority::low : Priority::normal;
}

void count(State& state, const Route& route, const Call& call, const Cost& cost) {
  Stats& stats = state.stats;
  ++(cost.writes > 0 ? stats.writes : stats.reads);
  ++stats.operations[std::string(route.method) + " /" + std::string(route.pattern)];
  stats.units += cost.units;
  if (call.segments.size() > 1 && call.segments[0] == "groups" && Uuid::parse(call.segments[1]))
    stats.groups_touched.insert(call.segments[1]);
}

void resize(State& state) {
  const std::size_t users = state.directory.users.size();
  const double by_size = users < 50 ? 3500 : users <= 500 ? 5000 : 8000;
  state.throttle.units.set_limit(state.settings.units_limit.value_or(by_size));
  state.throttle.writes.set_limit(state.settings.writes_limit);
}

Answer throttled(State& state, const Verdict& verdict) {
  ++state.stats.throttled;
  Answer answer = fail(429, "TooManyRequests", "Too many requests. Retry after the time given.");
  answer.body["error"]["innerError"] = {{"code", "429"}, {"status", "429"}};
  answer.headers = {{"Retry-After", std::to_string(verdict.retry_after.count())},
                    {"x-ms-throttle-scope", "Tenant_Application/" + verdict.scope + "/" + client_id(state) +
                                                "/" + tenant_id(state, "")},
                    {"x-ms-throttle-information", verdict.information}};
  return answer;
}

/// What was injected for one group.
std::optional<Answer> fault_of_group(State& state, const Call& call) {
  if (state.faults.groups.empty() || call.segments.size() < 2 || call.segments[0] != "groups")
    return std::nullopt;
  const auto id = Uuid::parse(call.segments[1]);
  const auto fault = id ? state.faults.groups.find(*id) : state.faults.groups.end();
  if (fault == state.faults.groups.end()) return std::nullopt;
  ++state.stats.faults;
  if (fault->second == 404) return not_found(call.segments[1]);
  return failure(fault->second, fault->second == 403 ? "Insufficient privileges to complete the operation."
                                                     : "An injected fault.");
}

bool authorized(State& state, const Request& request, Call& call, WallTime now) {
  const auto header = request.header("Authorization");
  if (!header.starts_with("Bearer ")) return false;
  const auto token = state.tokens.find(std::string(header.substr(7)));
  if (token == state.tokens.end() || now >= token->second) return false;
  const auto person = state.delegations.find(token->first);
  if (person != state.delegations.end()) call.on_behalf = &person->second;
  return true;
}

Answer unauthorized(State& state) {
  ++state.stats.unauthorized;
  Answer answer =
      fail(401, "InvalidAuthenticationToken", "Access token is empty, expired or not one of this tenant.");
  answer.headers.emplace_back("WWW-Authenticate",
                              "Bearer realm=\"\", authorization_uri=\"/oauth2/v2.0/authorize\"");
  return answer;
}

Response to_response(Answer answer) {
  if (answer.cut) return {0, {}, {}};
  Response response{answer.status, std::move(answer.headers), {}};
  if (answer.body.is_null()) return response;
  const bool typed = std::ranges::any_of(response.headers,
                                         [](const auto& header) { return header.first == "Content-Type"; });
  if (!typed) response.headers.emplace_back("Content-Type", "application/json");
  response.body = dump(answer.body);
  return response;
}

Answer graph(const Request& request, State& state, WallTime now) {
  ++state.stats.http;
  Call call = make_call(request.method, request.target.substr(std::string_view("/v1.0").size()));
  call.headers = request.headers;
  call.base = "http://" + std::string(request.header("Host")) + "/v1.0";
  call.request_id = random_uuid(state);
  Answer answer;
  if (!authorized(state, request, call, now)) {
    answer = unauthorized(state);
  } else if (auto body = request.body.empty() ? Result<Json>(Json()) : parse_json(request.body); !body) {
    answer = fail(400, "BadRequest",
                  "Unable to read JSON request payload. Please ensure Content-Type header is set and payload "
                  "is of valid JSON format.");
  } else {
    call.body = std::move(*body);
    answer = call.path() == "/$batch" && call.method == "POST" ? run_batch(state, call, now)
                                                               : metered(state, call, now);
  }
  finish(answer, call, now);
  return answer;
}

}  // namespace

Answer failure(int status, std::string message) {
  struct Code {
    int status;
    const char* code;
  };
  constexpr std::array codes{Code{400, "Request_BadRequest"},
                             Code{401, "InvalidAuthenticationToken"},
                             Code{403, "Authorization_RequestDenied"},
                             Code{404, "Request_ResourceNotFound"},
                             Code{409, "Directory_ConcurrencyViolation"},
                             Code{410, "resyncRequired"},
                             Code{412, "resourceModified"},
                             Code{429, "TooManyRequests"},
                             Code{503, "serviceNotAvailable"}};
  const auto* known = std::ranges::find(codes, status, &Code::status);
  Answer answer = fail(status, known == codes.end() ? "generalException" : known->code, std::move(message));
  if (status == 429) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

std::optional<Answer> injected_fault(State& state, const Call& call) {
  if (auto fault = fault_of_group(state, call)) return fault;
  if (!state.faults.status.empty() && chance(state) < state.faults.rate) return broken(state);
  if (!call.has("$skiptoken") || chance(state) >= state.faults.page_fail_rate) return std::nullopt;
  ++state.stats.faults;
  return fail(503, "serviceNotAvailable", "An injected fault.");
}

Answer broken(State& state, bool applied) {
  ++state.stats.faults;
  const int status = state.faults.status[state.random() % state.faults.status.size()];
  // Whatever says no, says that nothing was done.
  return failure(applied && status < 500 ? 503 : status, "An injected fault.");
}

std::size_t page_fill(State& state, std::size_t asked) {
  return chance(state) < state.faults.short_page_rate ? 1 + state.random() % asked : asked;
}

double chance(State& state) {
  return std::uniform_real_distribution<double>(0, 1)(state.random);
}

std::string random_uuid(State& state) {
  Uuid id;
  for (auto& byte : id.bytes)
    byte = static_cast<std::uint8_t>(state.random());
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return id.to_string();
}

Version visible(const State& state, WallTime now) {
  return version_at(state.directory, now - state.settings.lag);
}

std::string Call::option(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return {};
}

bool Call::has(std::string_view name) const {
  return std::ranges::any_of(query, [&](const auto& pair) { return pair.first == name; });
}

std::string Call::header(std::string_view name) const {
  return std::string(Request{{}, {}, headers, {}}.header(name));
}

std::string Call::path() const {
  return target.substr(0, target.find('?'));
}

Answer fail(int status, std::string code, std::string message) {
  return {status, {{"error", {{"code", std::move(code)}, {"message", std::move(message)}}}}, {}};
}

Answer not_found(const std::string& id) {
  return fail(404, "Request_ResourceNotFound",
              "Resource '" + id +
                  "' does not exist or one of its queried reference-property objects are not present.");
}

Call make_call(std::string method, std::string target) {
  Call call;
  call.method = std::move(method);
  call.target = std::move(target);
  const Request split{{}, call.target, {}, {}};
  call.query = http_server::parse_query(split.query());
  std::string_view path = split.path();
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    if (end > 0) call.segments.push_back(percent_decode(path.substr(0, end)));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  // users('id') is another way to write users/id; the others are by alternate keys.
  for (const auto& [opening, collection] :
       {std::pair<std::string_view, const char*>{"users('", "users"},
        std::pair<std::string_view, const char*>{"groups(uniqueName='", "groups(uniqueName)"},
        std::pair<std::string_view, const char*>{"applications(appId='", "applications(appId)"}}) {
    if (call.segments.size() != 1 || !call.segments[0].starts_with(opening) ||
        !call.segments[0].ends_with("')"))
      continue;
    const std::string quoted = call.segments[0];
    std::string name = quoted.substr(opening.size(), quoted.size() - opening.size() - 2);
    for (auto at = name.find("''"); at != std::string::npos; at = name.find("''", at + 1))
      name.erase(at, 1);
    call.segments = {collection, std::move(name)};
  }
  return call;
}

Answer metered(State& state, Call& call, WallTime now) {
  if (auto answer = office(state, call, now)) return std::move(*answer);
  const Route* route = find_route(call);
  if (!route) return fail(400, "BadRequest", "Resource not found for the segment '" + call.path() + "'.");
  resize(state);
  purge_expired(state.directory, now);
  const Cost cost = cost_of(*route, call);
  count(state, *route, call, cost);
  const Verdict verdict = judge(state.throttle, cost, priority_of(call), now);
  Answer answer;
  if (!verdict.admitted) {
    answer = throttled(state, verdict);
  } else if (auto fault = injected_fault(state, call)) {
    answer = std::move(*fault);
  } else {
    answer = route->operation(state, call, now);
    if (cost.writes > 0 && !state.faults.status.empty() && chance(state) < state.faults.applied_rate)
      answer = broken(state, true);
    if (!call.part && cost.writes > 0 && chance(state) < state.faults.cut_after_write_rate) answer.cut = true;
  }
  answer.headers.emplace_back("x-ms-resource-unit", std::to_string(static_cast<int>(cost.units)));
  if (verdict.share > 0.8)
    answer.headers.emplace_back("x-ms-throttle-limit-percentage",
                                std::to_string(std::min(verdict.share, 1.8)).substr(0, 4));
  return answer;
}

void finish(Answer& answer, const Call& call, WallTime now) {
  const std::string client = call.header("client-request-id");
  answer.headers.emplace_back("request-id", call.request_id);
  answer.headers.emplace_back("x-ms-ags-diagnostic",
                              R"({"ServerInfo":{"DataCenter":"Sandbox","Ring":"1","RoleInstance":"SB01"}})");
  answer.headers.emplace_back("client-request-id", client.empty() ? call.request_id : client);
  if (answer.status < 400 || !answer.body.is_object()) return;
  Json& inner = answer.body["error"]["innerError"];
  inner["request-id"] = call.request_id;
  inner["client-request-id"] = client.empty() ? call.request_id : client;
  inner["date"] = to_rfc3339(now).substr(0, 19);
}

std::optional<std::size_t> page_size(const Call& call) {
  if (!call.has("$top")) return 100;
  const std::string text = call.option("$top");
  std::size_t top = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), top);
  if (error != std::errc{} || end != text.data() + text.size() || top < 1 || top > 999) return std::nullopt;
  return top;
}

std::string next_link(const Call& call, std::size_t position) {
  std::string link = call.base + call.path() + "?";
  std::string_view query = call.target;
  query.remove_prefix(std::min(query.find('?'), query.size() - 1) + 1);
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    if (!pair.starts_with("$skiptoken=") && !pair.starts_with("%24skiptoken="))
      link += std::string(pair) + "&";
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return link + "$skiptoken=RFNwdAIAAQ" + std::to_string(position);
}

std::optional<std::size_t> skip_position(const Call& call) {
  if (!call.has("$skiptoken")) return 0;
  constexpr std::string_view mark = "RFNwdAIAAQ";
  const std::string text = call.option("$skiptoken");
  if (!text.starts_with(mark)) return std::nullopt;
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(text.data() + mark.size(), text.data() + text.size(), position);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(position) : std::nullopt;
}

Stamp stamp(const Call& call, WallTime now) {
  return {call.request_id, now};
}

Response handle(const Request& request, State& state, WallTime now) {
  const auto path = request.path();
  if (path.starts_with("/v1.0/")) return to_response(graph(request, state, now));
  if (path == "/_layouts/15/download.aspx") return download(request, state, now);
  if (path == "/sandbox" || path.starts_with("/sandbox/")) return control(request, state, now);
  return entra(request, state, now);
}

}  // namespace rollcall::sandbox_graph
