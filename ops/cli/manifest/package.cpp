#include "ops/cli/manifest/package.h"

#include "ops/cli/manifest/rules.h"
#include "ops/cli/manifest/sources.h"

#include <utility>

namespace rollcall::cli::manifest {
namespace {

const std::string published = "https://developer.microsoft.com/json-schemas/";

Json app_of(const Sources& sources) {
  const Json& app = sources.agent["app"];
  const Json& developer = app["developer"];
  return {
      {"$schema", published + "teams/v1.30/MicrosoftTeams.schema.json"},
      {"manifestVersion", "1.30"},
      {"version", app["version"]},
      {"id", app["id"]},
      {"developer",
       {{"name", developer["name"]},
        {"websiteUrl", developer["website_url"]},
        {"privacyUrl", developer["privacy_url"]},
        {"termsOfUseUrl", developer["terms_of_use_url"]}}},
      {"name", app["name"]},
      {"description", app["description"]},
      {"icons", app["icons"]},
      {"accentColor", app["accent_color"]},
      {"copilotAgents",
       {{"declarativeAgents", Json::array({{{"id", sources.agent["name"]}, {"file", agent_document}}})}}}};
}

Json agent_of(const Sources& sources) {
  Json agent = sources.agent["agent"];  // its keys are the published ones
  agent["$schema"] = published + "copilot/declarative-agent/v1.8/schema.json";
  agent["version"] = "v1.8";
  agent["actions"] = Json::array({{{"id", sources.actions["plugin"]["id"]}, {"file", plugin_document}}});
  if (const Json& capabilities = sources.capabilities["capabilities"]; !capabilities.empty())
    agent["capabilities"] = capabilities;
  return agent;
}

/// What both runtimes' functions say besides name, description and parameters.
Json function_of(const Json& source, const std::string& description) {
  Json capabilities = {{"security_info", source["security_info"]}};
  if (source.contains("confirmation")) {
    capabilities["confirmation"] = source["confirmation"];
    capabilities["confirmation"]["type"] = "AdaptiveCard";
  }
  if (source.contains("response_semantics"))
    capabilities["response_semantics"] = source["response_semantics"];
  Json function = {{"name", source["id"]}, {"description", description}, {"capabilities", capabilities}};
  if (source.contains("states")) function["states"] = source["states"];
  return function;
}

Json parameters_of(const Json& action, const Operation& operation) {
  Json properties = Json::object(), required = Json::array();
  for (const auto& [name, parameter] : operation.parameters) {
    properties[name] = parameter.schema;
    if (parameter.required) required.push_back(name);
  }
  // What the sources say for the model goes before what the document says for everybody.
  const Json described = action.value("parameters", Json::array());
  for (const auto& one : described)
    properties[one["name"].get<std::string>()]["description"] = one["description"];
  Json parameters = {{"type", "object"}, {"properties", properties}};
  if (!required.empty()) parameters["required"] = required;
  return parameters;
}

/// The tools that are pinned, as the server lists them. In the manifest itself and not in a file beside it:
/// the published schema of plugins forbade a file until August 2026, by a mistake of its own, and tools may
/// still have that one.
Json tools_of(const Sources& sources) {
  Json tools = Json::array();
  for (const auto& tool : sources.actions["mcp"]["tools"])
    tools.push_back(sources.tools.at(tool["id"]));
  return {{"tools", tools}};
}

Json plugin_of(const Sources& sources) {
  Json plugin = sources.actions["plugin"];  // its keys are the published ones, but for the id
  plugin.erase("id");
  plugin["$schema"] = published + "copilot/plugin/v2.4/schema.json";
  plugin["schema_version"] = "v2.4";
  plugin["functions"] = Json::array();
  const Json& openapi = sources.actions["openapi"];
  Json names = Json::array();
  for (const auto& action : openapi["actions"]) {
    Json function = function_of(action, action["description"]);
    function["parameters"] = parameters_of(action, sources.openapi.operations.at(action["id"]));
    plugin["functions"].push_back(function);
    names.push_back(action["id"]);
  }
  const Json spec = {{"url", openapi_document}, {"progress_style", openapi["progress_style"]}};
  plugin["runtimes"] = Json::array(
      {{{"type", "OpenApi"}, {"auth", openapi["auth"]}, {"spec", spec}, {"run_for_functions", names}}});
  if (!sources.actions.contains("mcp")) return plugin;
  const Json& mcp = sources.actions["mcp"];
  names = Json::array();
  for (const auto& tool : mcp["tools"]) {
    plugin["functions"].push_back(function_of(tool, sources.tools.at(tool["id"])["description"]));
    names.push_back(tool["id"]);
  }
  plugin["runtimes"].push_back({{"type", "RemoteMCPServer"},
                                {"auth", mcp["auth"]},
                                {"spec", {{"url", mcp["url"]}, {"mcp_tool_description", tools_of(sources)}}},
                                {"run_for_functions", names}});
  return plugin;
}

std::string text_of(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Where two documents first differ, in words.
std::string first_difference(const std::string& committed, const std::string& made) {
  const Json before = Json::parse(committed, nullptr, false), after = Json::parse(made);
  if (before.is_discarded()) return "is no JSON";
  const Json changes = Json::diff(before, after);
  return changes.empty() ? "is laid out otherwise" : "differs from what the sources make";
}

std::string first_place(const std::string& committed, const std::string& made) {
  const Json before = Json::parse(committed, nullptr, false);
  if (before.is_discarded()) return "";
  const Json changes = Json::diff(before, Json::parse(made));
  return changes.empty() ? "" : changes[0]["path"].get<std::string>();
}

}  // namespace

Built build(const ReadFile& read, const std::string& environment, const Values& set) {
  Report report;
  const auto sources = read_sources(read, environment, set, report);
  if (sources) check_rules(*sources, report);
  if (!report.empty()) return {std::nullopt, report.sorted()};
  Package package;
  package.name = sources->agent["name"];
  package.icons = sources->icons;
  package.documents = {{app_document, text_of(app_of(*sources))},
                       {agent_document, text_of(agent_of(*sources))},
                       {plugin_document, text_of(plugin_of(*sources))},
                       {openapi_document, text_of(sources->openapi.document)}};
  return {std::move(package), {}};
}

std::vector<Mistake> drift(const Package& package, const std::map<std::string, std::string>& committed,
                           const std::string& folder) {
  Report report;
  for (const auto& [path, made] : package.documents) {
    const auto found = committed.find(path);
    if (found == committed.end()) {
      report.add("drift", folder + "/" + path, "", "is missing");
    } else if (found->second != made) {
      report.add("drift", folder + "/" + path, first_place(found->second, made),
                 first_difference(found->second, made));
    }
  }
  for (const auto& [path, unused] : committed)
    if (!package.documents.contains(path))
      report.add("file_not_ours", folder + "/" + path, "", "no source makes it");
  return report.sorted();
}

}  // namespace rollcall::cli::manifest
