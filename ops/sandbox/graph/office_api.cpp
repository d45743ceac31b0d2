#include "ops/sandbox/graph/office_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace rollcall::sandbox_graph {
namespace {

using Scopes = std::span<const std::string_view>;
constexpr std::array<std::string_view, 3> mail_basic{"Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"};
constexpr std::array<std::string_view, 3> calendar_read{"Calendars.ReadBasic", "Calendars.Read",
                                                        "Calendars.ReadWrite"};
constexpr std::array<std::string_view, 1> calendar_write{"Calendars.ReadWrite"};
constexpr std::array<std::string_view, 2> sites_read{"Sites.Read.All", "Sites.ReadWrite.All"};
constexpr std::array<std::string_view, 6> own_files{"Files.Read",     "Files.ReadWrite",
                                                    "Files.Read.All", "Files.ReadWrite.All",
                                                    "Sites.Read.All", "Sites.ReadWrite.All"};

/// Whose wording and whose limits.
enum class Workload { outlook, share_point };

struct Route {
  std::string_view method, pattern;  ///< '*' is any one segment, "search*" one that begins so
  OfficeOperation operation;
  Scopes scopes;  ///< any of them
};
constexpr std::array routes{
    Route{"GET", "me/messages", list_messages, mail_basic},
    Route{"GET", "me/messages/*", get_message, mail_basic},
    Route{"GET", "me/mailFolders/*/messages", list_folder_messages, mail_basic},
    Route{"GET", "me/calendarView", calendar_view, calendar_read},
    Route{"GET", "me/calendar/calendarView", calendar_view, calendar_read},
    Route{"POST", "me/calendar/getSchedule", get_schedule, calendar_read},
    Route{"POST", "me/events", create_event, calendar_write},
    Route{"POST", "me/calendar/events", create_event, calendar_write},
    Route{"GET", "me/drive", get_my_drive, own_files},
    Route{"GET", "me/drive/root/children", list_root, own_files},
    Route{"GET", "me/drive/root/search*", search_drive, own_files},
    Route{"GET", "me/drive/items/*", get_item, own_files},
    Route{"GET", "me/drive/items/*/children", list_children, own_files},
    Route{"GET", "me/drive/items/*/content", get_content, own_files},
    Route{"GET", "sites", list_sites, sites_read},
    Route{"GET", "sites/*/drive", get_site_drive, own_files},
    Route{"GET", "sites/*/drives", list_site_drives, own_files},
    Route{"GET", "drives/*/root/children", list_root, own_files},
    Route{"GET", "drives/*/root/search*", search_drive, own_files},
    Route{"GET", "drives/*/items/*", get_item, own_files},
    Route{"GET", "drives/*/items/*/children", list_children, own_files},
    Route{"GET", "drives/*/items/*/content", get_content, own_files},
};

bool fits(std::string_view pattern, const std::vector<std::string>& segments) {
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    const auto end = std::min(pattern.find('/'), pattern.size());
    auto part = pattern.substr(0, end);
    const bool open = part.ends_with('*');
    if (open) part.remove_suffix(1);
    if (open ? !segment.starts_with(part) : part != segment) return false;
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return pattern.empty();
}

Workload workload_of(const Call& call) {
  const bool outlook = call.segments[0] == "me" && (call.segments.size() < 2 || call.segments[1] != "drive");
  return outlook ? Workload::outlook : Workload::share_point;
}

Answer denied(Workload workload) {
  return workload == Workload::outlook
             ? fail(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
             : fail(403, "accessDenied", "Access denied");
}

/// More at once than one app may have of one mailbox.
std::optional<Answer> crowded(State& state, const Person& person) {
  const auto found = state.office.mailboxes.find(person.user.id);
  if (found == state.office.mailboxes.end() || found->second.under_way <= mailbox_requests_max)
    return std::nullopt;
  ++state.stats.throttled;
  ++state.stats.mailbox_throttled;
  Answer answer = fail(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.");
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

Answer answer_for(State& state, const Call& call, const Route& route, const Person& person, WallTime now) {
  const Workload workload = workload_of(call);
  if (!std::ranges::any_of(route.scopes, [&](std::string_view scope) { return person.has(scope); }))
    return denied(workload);
  if (workload == Workload::outlook)
    if (auto full = crowded(state, person)) return *full;
  Answer answer = route.operation(state, call, person, now);
  const bool write = route.operation == create_event;
  if (write && !state.faults.status.empty() && chance(state) < state.faults.applied_rate)
    answer = broken(state, true);
  if (!call.part && write && chance(state) < state.faults.cut_after_write_rate) answer.cut = true;
  return answer;
}

}  // namespace

bool Person::has(std::string_view scope) const {
  return std::ranges::find(token.scopes, scope) != token.scopes.end();
}

std::optional<Answer> office(State& state, const Call& call, WallTime now) {
  if (call.segments.empty()) return std::nullopt;
  const std::string& first = call.segments[0];
  if (first != "me" && first != "sites" && first != "drives") return std::nullopt;
  if (!call.on_behalf) {
    if (first == "me")
      return fail(400, "BadRequest", "/me request is only valid with delegated authentication flow.");
    return denied(Workload::share_point);  // the app itself is granted none of it here
  }
  const auto* route = std::ranges::find_if(routes, [&](const Route& one) {
    return one.method == call.method && fits(one.pattern, call.segments);
  });
  if (route == routes.end())
    return fail(400, "BadRequest", "Resource not found for the segment '" + call.segments.back() + "'.");
  const User* user = find_user(state.directory, call.on_behalf->user);
  if (!user) return fail(404, "ResourceNotFound", "User not found");
  const bool write = route->operation == create_event;
  ++(write ? state.stats.writes : state.stats.reads);
  ++state.stats.operations[std::string(route->method) + " /" + std::string(route->pattern)];
  if (auto fault = injected_fault(state, call)) return fault;
  return answer_for(state, call, *route, {*user, *call.on_behalf}, now);
}

Result<Json> selected(const Call& call, const Json& whole, const char* type) {
  if (!call.has("$select")) return whole;
  Json out = Json::object();
  for (const auto& [name, value] : whole.items())
    if (name == "id" || name.starts_with("@odata")) out[name] = value;
  std::string_view list;
  const std::string text = call.option("$select");
  for (list = text; !list.empty();) {
    const auto end = std::min(list.find(','), list.size());
    const std::string name(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    const auto found = whole.find(name);
    if (found == whole.end())
      return unexpected(Problem{"RequestBroker--ParseUri",
                                "Could not find a property named '" + name + "' on type '" + type + "'."});
    out[name] = *found;
  }
  return out;
}

std::optional<std::size_t> office_page_size(const Call& call, std::size_t fallback) {
  if (!call.has("$top")) return fallback;
  const std::string text = call.option("$top");
  std::size_t top = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), top);
  if (error != std::errc{} || end != text.data() + text.size() || top < 1 || top > 1000) return std::nullopt;
  return top;
}

Answer page_of(State& state, const Call& call, std::vector<Json> items, std::size_t size_by_default) {
  const auto top = office_page_size(call, size_by_default);
  const auto from = skip_position(call);
  if (!top || !from) return fail(400, "BadRequest", "Invalid page size or page token.");
  const std::size_t begin = std::min(*from, items.size());
  const std::size_t end = std::min(begin + page_fill(state, *top), items.size());
  Json value = Json::array();
  for (std::size_t i = begin; i < end; ++i)
    value.push_back(std::move(items[i]));
  Json body{{"@odata.context", call.base + "/$metadata#" + call.segments[0]}, {"value", std::move(value)}};
  if (end < items.size()) body["@odata.nextLink"] = next_link(call, end);
  return {200, std::move(body), {}};
}

std::string preference(const Call& call, std::string_view name) {
  for (const auto& [header, value] : call.headers) {
    if (lower(header) != "prefer") continue;
    const auto at = lower(value).find(std::string(name) + "=");
    if (at == std::string::npos) continue;
    std::string text = value.substr(at + name.size() + 1);
    if (text.starts_with('"')) return text.substr(1, text.find('"', 1) - 1);
    return text.substr(0, text.find_first_of(",; "));
  }
  return {};
}

Answer item_not_found() {
  return fail(404, "itemNotFound", "The resource could not be found.");
}

}  // namespace rollcall::sandbox_graph
