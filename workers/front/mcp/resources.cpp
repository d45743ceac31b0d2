#include "workers/front/mcp/features.h"

#include <utility>

namespace rollcall::front::mcp {
namespace {

const char* const json_type = "application/json";
constexpr const char* page_items = "50";
/// Where the second half of the list begins.
const std::string findings_at = "findings ";

/// Asks, and hands on what is answered; a refusal becomes the exchange's error.
void ask(const Operations& operations, const ExchangePtr& exchange, Invocation invocation,
         std::function<void(Json)> then) {
  operations.invoke(std::move(invocation), [exchange, then = std::move(then)](const Response& response) {
    exchange->guarded([&] {
      auto body = parse_json(response.body);
      if (response.status >= 300 || !body)
        throw Failed({rpc::internal,
                      problem_text(body ? *body : Json()),
                      {{"code", body ? text_member(*body, "code") : "internal"}}});
      then(std::move(*body));
    });
  });
}

Json run_resource(const Json& job) {
  const auto id = text_member(job, "id");
  return {{"uri", run_uri + id},
          {"name", text_member(job, "operation") + " " + id},
          {"title", text_member(job, "operation") + ": " + text_member(job, "state")},
          {"description", "A run of " + text_member(job, "worker") + ", asked for at " +
                              text_member(job, "created_at") + "."},
          {"mimeType", json_type}};
}

Json finding_resource(const Json& finding) {
  const auto id = text_member(finding, "id");
  return {{"uri", finding_uri + id},
          {"name", text_member(finding, "rule") + " " + id},
          {"title", text_member(finding, "title")},
          {"description",
           "A finding, " + text_member(finding, "severity") + ", " + text_member(finding, "state") + "."},
          {"mimeType", json_type}};
}

/// The runs, then the findings; a position is the cursor of the list that it is in.
void list(const Operations& operations, const ExchangePtr& exchange, const std::string& position,
          const Features::ResourcePage& page) {
  const bool findings = position.starts_with(findings_at);
  auto invocation = invocation_of(*exchange, findings ? "list_findings" : "list_jobs");
  invocation.query.emplace_back("limit", page_items);
  const auto cursor = findings ? position.substr(findings_at.size()) : position;
  if (!cursor.empty()) invocation.query.emplace_back("cursor", cursor);
  ask(operations, exchange, std::move(invocation), [findings, page](const Json& answer) {
    const auto body = structured(answer);
    Json resources = Json::array();
    for (const auto& item : body.at("value"))
      resources.push_back(findings ? finding_resource(item) : run_resource(item));
    const auto next = text_member(body, "next_cursor");
    page(std::move(resources),
         findings ? (next.empty() ? "" : findings_at + next) : (next.empty() ? findings_at : next));
  });
}

void read(const Operations& operations, const ExchangePtr& exchange, const std::string& uri) {
  struct Kind {
    const char *prefix, *operation, *parameter;
  };
  for (const auto& kind : {Kind{run_uri, "get_job", "job"}, Kind{finding_uri, "get_finding", "finding"}}) {
    if (!uri.starts_with(kind.prefix)) continue;
    const auto id = Uuid::parse(uri.substr(std::string_view(kind.prefix).size()));
    if (!id) break;
    auto invocation = invocation_of(*exchange, kind.operation);
    invocation.path[kind.parameter] = id->to_string();
    return operations.invoke(std::move(invocation), [exchange, uri](const Response& response) {
      exchange->guarded([&] {
        if (response.status == 404) throw resource_missing(*exchange, uri);
        if (response.status >= 300) throw Failed({rpc::internal, problem_text(Json::parse(response.body))});
        exchange->finish(
            {{"contents", Json::array({{{"uri", uri}, {"mimeType", json_type}, {"text", response.body}}})}});
      });
    });
  }
  throw resource_missing(*exchange, uri);
}

Json resource_template(const char* prefix, const char* parameter, const char* title,
                       const char* description) {
  return {{"uriTemplate", std::string(prefix) + "{" + parameter + "}"},
          {"name", parameter},
          {"title", title},
          {"description", description},
          {"mimeType", json_type}};
}

/// Organizations whose names begin so, by id: what prompts ask for.
void complete(const Operations& operations, const ExchangePtr& exchange, const std::string& name,
              const std::string& begun) {
  const auto finish = [exchange](Json values, bool more) {
    const auto count = values.size();
    exchange->finish({{"completion", {{"values", std::move(values)}, {"total", count}, {"hasMore", more}}}});
  };
  if (name != "organization") return finish(Json::array(), false);
  auto invocation = invocation_of(*exchange, "list_organizations");
  invocation.query.emplace_back("limit", "100");
  if (!begun.empty()) invocation.query.emplace_back("name", begun);
  ask(operations, exchange, std::move(invocation), [finish](const Json& answer) {
    Json values = Json::array();
    for (const auto& organization : answer.at("value"))
      values.push_back(organization.at("id"));
    finish(std::move(values), answer.contains("nextLink"));
  });
}

}  // namespace

void add_resources(Features& features, const FeatureParts& parts) {
  const auto* operations = &parts.operations;
  features.resource_templates = {
      resource_template(run_uri, "job", "A run", "One run (job) with its state, progress, result and error."),
      resource_template(finding_uri, "finding", "A finding", "One finding with its evidence and remedy."),
  };
  features.list_resources = [operations](const ExchangePtr& exchange, const std::string& position,
                                         const Features::ResourcePage& page) {
    list(*operations, exchange, position, page);
  };
  features.read_resource = [operations](const ExchangePtr& exchange, const std::string& uri) {
    read(*operations, exchange, uri);
  };
  features.complete = [operations](const ExchangePtr& exchange, const Json& /*ref*/, const std::string& name,
                                   const std::string& begun) {
    complete(*operations, exchange, name, begun);
  };
}

}  // namespace rollcall::front::mcp
