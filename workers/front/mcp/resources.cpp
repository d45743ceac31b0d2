#include "common/runs/blocks.h"
#include "workers/front/mcp/on_record.h"

#include <utility>

namespace rollcall::front::mcp {
namespace {

const char* const json_type = "application/json";
constexpr const char* page_items = "50";
constexpr const char* read_operation = "read_resource";
/// Where the second half of the list begins.
const std::string findings_at = "findings ";

/// What lists take from Operations: a refusal becomes the exchange's error.
void ask(const FeatureParts& parts, const ExchangePtr& exchange, const char* what, Invocation invocation,
         std::function<void(const Json&)> then) {
  ask_on_record(parts, exchange, call_of(*exchange, what), std::move(invocation),
                [then = std::move(then)](int status, const Json& body) {
                  if (status >= 300)
                    throw Failed({rpc::internal, problem_text(body), {{"code", text_member(body, "code")}}});
                  then(body);
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
void list(const FeatureParts& parts, const ExchangePtr& exchange, const std::string& position,
          const Features::ResourcePage& page) {
  const bool findings = position.starts_with(findings_at);
  auto invocation = invocation_of(*exchange, findings ? "list_findings" : "list_jobs");
  invocation.query.emplace_back("limit", page_items);
  const auto cursor = findings ? position.substr(findings_at.size()) : position;
  if (!cursor.empty()) invocation.query.emplace_back("cursor", cursor);
  ask(parts, exchange, "list_resources", std::move(invocation), [findings, page](const Json& answer) {
    const auto body = structured(answer);
    Json resources = Json::array();
    for (const auto& item : body.at("value"))
      resources.push_back(findings ? finding_resource(item) : run_resource(item));
    const auto next = text_member(body, "next_cursor");
    page(std::move(resources),
         findings ? (next.empty() ? "" : findings_at + next) : (next.empty() ? findings_at : next));
  });
}

void read(const FeatureParts& parts, const ExchangePtr& exchange, const std::string& uri) {
  struct Kind {
    const char *prefix, *operation, *parameter;
  };
  for (const auto& kind : {Kind{run_uri, "get_job", "job"}, Kind{finding_uri, "get_finding", "finding"}}) {
    if (!uri.starts_with(kind.prefix)) continue;
    const auto id = Uuid::parse(uri.substr(std::string_view(kind.prefix).size()));
    if (!id) break;
    auto invocation = invocation_of(*exchange, kind.operation);
    invocation.path[kind.parameter] = id->to_string();
    return ask_on_record(
        parts, exchange, call_of(*exchange, read_operation, runs::parameters_hash({{"uri", uri}})),
        std::move(invocation), [exchange, uri](int status, const Json& body) {
          if (status == 404) throw resource_missing(*exchange, uri);
          if (status >= 300) throw Failed({rpc::internal, problem_text(body)});
          exchange->finish(
              {{"contents", Json::array({{{"uri", uri}, {"mimeType", json_type}, {"text", dump(body)}}})}});
        });
  }
  refuse_on_record(parts, call_of(*exchange, read_operation), {.status = 404, .code = "resource_unknown"},
                   [exchange, uri] { exchange->guarded([&] { throw resource_missing(*exchange, uri); }); });
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
void complete(const FeatureParts& parts, const ExchangePtr& exchange, const std::string& name,
              const std::string& begun) {
  const auto finish = [exchange](Json values, bool more) {
    const auto count = values.size();
    exchange->finish({{"completion", {{"values", std::move(values)}, {"total", count}, {"hasMore", more}}}});
  };
  if (name != "organization") return finish(Json::array(), false);
  auto invocation = invocation_of(*exchange, "list_organizations");
  invocation.query.emplace_back("limit", "100");
  if (!begun.empty()) invocation.query.emplace_back("name", begun);
  ask(parts, exchange, "complete_argument", std::move(invocation), [finish](const Json& answer) {
    Json values = Json::array();
    for (const auto& organization : answer.at("value"))
      values.push_back(organization.at("id"));
    finish(std::move(values), answer.contains("nextLink"));
  });
}

}  // namespace

void add_resources(Features& features, const FeatureParts& parts) {
  features.resource_templates = {
      resource_template(run_uri, "job", "A run", "One run (job) with its state, progress, result and error."),
      resource_template(finding_uri, "finding", "A finding", "One finding with its evidence and remedy."),
  };
  features.list_resources = [parts](const ExchangePtr& exchange, const std::string& position,
                                    const Features::ResourcePage& page) {
    list(parts, exchange, position, page);
  };
  features.read_resource = [parts](const ExchangePtr& exchange, const std::string& uri) {
    read(parts, exchange, uri);
  };
  features.complete = [parts](const ExchangePtr& exchange, const Json& /*ref*/, const std::string& name,
                              const std::string& begun) { complete(parts, exchange, name, begun); };
}

}  // namespace rollcall::front::mcp
