#include "workers/front/core/copilot_actions.h"

#include "common/core/lower.h"

#include <algorithm>
#include <array>

namespace rollcall::front {
namespace {

constexpr const char* few = "10";

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json member_or_null(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? Json() : *found;
}

/// The parameters that are given, under the operation's names for them.
std::vector<std::pair<std::string, std::string>> query_of(
    const Json& parameters, std::initializer_list<std::pair<const char*, const char*>> names) {
  std::vector<std::pair<std::string, std::string>> query;
  for (const auto& [ours, theirs] : names)
    if (const auto found = parameters.find(ours); found != parameters.end())
      query.emplace_back(theirs, found->is_string() ? found->get<std::string>() : dump(*found));
  return query;
}

void unless_given(std::vector<std::pair<std::string, std::string>>& query, const char* name,
                  const char* value) {
  if (std::ranges::find(query, name, &std::pair<std::string, std::string>::first) == query.end())
    query.emplace_back(name, value);
}

/// A member of an item: a member of the operation's item, or made from it.
struct Field {
  const char* name;
  const char* from;
  Json (*made)(const Json& item, std::string_view root) = nullptr;

  [[nodiscard]] Json of(const Json& item, std::string_view root) const {
    return made ? made(item, root) : item.at(from);
  }
};

std::string finding_url(const std::string& id, std::string_view root) {
  return std::string(root) + "/api/v1/findings/" + id;
}

constexpr auto finding_fields = std::to_array<Field>({
    {"title", "title"},
    {"subtitle", "",
     [](const Json& item, std::string_view) {
       return Json(text_in(item, "severity") + ", " + text_in(item, "pillar") + ", " +
                   text_in(item, "state"));
     }},
    {"url", "",
     [](const Json& item, std::string_view root) { return Json(finding_url(text_in(item, "id"), root)); }},
    {"finding_id", "id"},
    {"organization_id", "organization_id"},
    {"pillar", "pillar"},
    {"severity", "severity"},
    {"state", "state"},
    {"opened_at", "opened_at"},
    {"remedy", "remedy"},
});

Json error_member(const Json& item, const char* name) {
  const Json error = member_or_null(item, "error");
  return error.is_object() ? member_or_null(error, name) : Json();
}

constexpr auto run_fields = std::to_array<Field>({
    {"title", "",
     [](const Json& item, std::string_view) {
       return Json(text_in(item, "worker") + " " + text_in(item, "operation"));
     }},
    {"subtitle", "",
     [](const Json& item, std::string_view) {
       return Json(text_in(item, "state") + ", asked for " + text_in(item, "created_at"));
     }},
    {"url", "", [](const Json& item, std::string_view) { return item.at("links").at("self"); }},
    {"job_id", "job_id"},
    {"kind", "kind"},
    {"worker", "worker"},
    {"operation", "operation"},
    {"state", "state"},
    {"organization_id", "organization_id"},
    {"created_at", "created_at"},
    {"finished_at", "finished_at"},
    {"duration_ms", "duration_ms"},
    {"error_code", "", [](const Json& item, std::string_view) { return error_member(item, "code"); }},
    {"cure", "", [](const Json& item, std::string_view) { return error_member(item, "cure"); }},
});

std::vector<std::string> fields_of(const Json& parameters) {
  std::vector<std::string> names;
  const std::string text = text_in(parameters, "fields");
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

/// A page of the interface as Copilot reads lists: flat, and of each item what was asked for.
Json results_of(const Json& page, const Json& parameters, std::string_view root,
                std::span<const Field> fields) {
  const auto wanted = fields_of(parameters);
  Json results = Json::array();
  for (const auto& item : page.at("value")) {
    Json result = Json::object();
    for (const auto& field : fields)
      if (wanted.empty() || std::ranges::find(wanted, field.name) != wanted.end())
        result[field.name] = field.of(item, root);
    results.push_back(std::move(result));
  }
  return {{"results", std::move(results)}, {"more", page.contains("nextLink")}};
}

CopilotRequest findings_request(const Json& parameters) {
  CopilotRequest request{.operation_id = "list_findings"};
  request.query = query_of(parameters, {{"pillar", "pillar"},
                                        {"severity", "severity"},
                                        {"state", "state"},
                                        {"organization_id", "organization"},
                                        {"limit", "limit"}});
  unless_given(request.query, "state", "open");
  unless_given(request.query, "limit", few);
  return request;
}

CopilotRequest runs_request(const Json& parameters) {
  CopilotRequest request{.operation_id = "list_jobs"};
  request.query = query_of(parameters, {{"kind", "kind"},
                                        {"state", "state"},
                                        {"worker", "worker"},
                                        {"operation", "operation"},
                                        {"organization_id", "organization"},
                                        {"since", "since"},
                                        {"limit", "limit"}});
  unless_given(request.query, "limit", few);
  return request;
}

CopilotRequest scan_request(const Json& parameters) {
  const std::string organization = text_in(parameters, "organization_id");
  if (organization.empty()) return {.operation_id = "scan_tenant"};
  return {.operation_id = "scan_organization", .path = {{"organization", organization}}};
}

CopilotRequest acknowledge_request(const Json& parameters) {
  const bool dismiss = text_in(parameters, "decision") == "dismiss";
  CopilotRequest request{.operation_id = "take_finding",
                         .path = {{"finding", text_in(parameters, "finding_id")}},
                         .body = {{"why", parameters.at("why")}}};
  if (dismiss) request.operation_id = "dismiss_finding";
  if (parameters.contains("until")) request.body["until"] = parameters["until"];
  return request;
}

constexpr auto actions = std::to_array<CopilotAction>({
    {.id = "query_advisor_findings",
     .summary =
         "Lists what Rollcall's advisor found and someone should look at, filtered by pillar and severity.",
     .changes = false,
     .parameters = "CopilotFindingsQuery",
     .answer = "CopilotFindings",
     .item = "CopilotFinding",
     .request = findings_request,
     .answered = [](const Json& answer, const Json& parameters,
                    std::string_view root) { return results_of(answer, parameters, root, finding_fields); }},
    {.id = "query_ops_runs",
     .summary =
         "Lists what Rollcall's workers did lately, or what agents asked for: state, duration and errors.",
     .changes = false,
     .parameters = "CopilotRunsQuery",
     .answer = "CopilotRuns",
     .item = "CopilotRun",
     .request = runs_request,
     .answered = [](const Json& answer, const Json& parameters,
                    std::string_view root) { return results_of(answer, parameters, root, run_fields); }},
    {.id = "trigger_advisor_scan",
     .summary = "Starts a scan for findings, of one organization or of all, and answers with its job.",
     .changes = true,
     .parameters = "CopilotScan",
     .answer = "CopilotScanJob",
     .item = "",
     .request = scan_request,
     .answered =
         [](const Json& answer, const Json&, std::string_view root) {
           return Json{{"job_id", answer.at("job_id")},
                       {"state", answer.at("state")},
                       {"url", std::string(root) + "/api/v1/jobs/" + text_in(answer, "job_id")}};
         }},
    {.id = "acknowledge_finding",
     .summary = "Acknowledges or dismisses a finding, with the reason, so that it is not shown as open.",
     .changes = true,
     .parameters = "CopilotAcknowledgement",
     .answer = "CopilotAcknowledged",
     .item = "",
     .request = acknowledge_request,
     .answered =
         [](const Json& answer, const Json&, std::string_view root) {
           return Json{{"finding_id", answer.at("id")},
                       {"title", answer.at("title")},
                       {"state", answer.at("state")},
                       {"until", answer.at("acknowledged_until")},
                       {"url", finding_url(text_in(answer, "id"), root)}};
         }},
});

std::span<const Field> fields_of(const CopilotAction& action) {
  if (action.item == "CopilotFinding") return finding_fields;
  if (action.item == "CopilotRun") return run_fields;
  return {};
}

}  // namespace

std::span<const CopilotAction> copilot_actions() {
  return actions;
}

const CopilotAction* find_copilot_action(std::string_view id) {
  const auto* found = std::ranges::find(actions, id, &CopilotAction::id);
  return found == actions.end() ? nullptr : found;
}

std::string unknown_field(const CopilotAction& action, const Json& parameters) {
  const auto known = fields_of(action);
  for (const auto& name : fields_of(parameters))
    if (std::ranges::none_of(known, [&](const Field& field) { return name == field.name; })) return name;
  return {};
}

bool is_caller(std::string_view said, const std::string& identity, const std::vector<std::string>& names) {
  // Principal names and GUIDs are the same in any case of their letters.
  const std::string lowered = lower(said);
  return lowered == lower(identity) ||
         std::ranges::any_of(names, [&](const auto& name) { return lowered == lower(name); });
}

}  // namespace rollcall::front
