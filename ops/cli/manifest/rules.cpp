#include "ops/cli/manifest/rules.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace rollcall::cli::manifest {
namespace {

// --- the agent ---------------------------------------------------------------------------------------------

void check_starters(const Json& agent, const Json& capabilities, Report& report) {
  std::set<std::string> texts, titles;
  const Json& starters = agent["agent"]["conversation_starters"];
  for (std::size_t i = 0; i < starters.size(); ++i) {
    const std::string at = below("/agent/conversation_starters", i);
    const auto once = [&](const char* member, std::set<std::string>& seen) {
      if (starters[i].contains(member) && !seen.insert(starters[i][member]).second)
        report.add("starter_twice", agent_file, below(at, member),
                   "another starter has the same " + std::string(member));
    };
    once("text", texts);
    once("title", titles);
    const Json dependencies = starters[i].value("depends_on", Json::array());
    for (std::size_t j = 0; j < dependencies.size(); ++j)
      if (std::ranges::none_of(capabilities,
                               [&](const Json& one) { return one["name"] == dependencies[j]["id"]; }))
        report.add("starter_dependency_unknown", agent_file, below(below(below(at, "depends_on"), j), "id"),
                   "the agent has no capability " + dependencies[j]["id"].get<std::string>());
  }
}

/// Scheme, host, at most two segments, no query and no fragment.
bool is_site(std::string_view url) {
  if (url.find_first_of("?#") != std::string_view::npos) return false;
  auto path = url.substr(std::string_view("https://").size());
  path = path.substr(std::min(path.find('/'), path.size()));
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return std::ranges::count(path, '/') <= 2;
}

void check_capabilities(const Json& capabilities, Report& report) {
  std::set<std::string> types;
  for (std::size_t i = 0; i < capabilities.size(); ++i) {
    const std::string at = below("/capabilities", i);
    if (!types.insert(capabilities[i]["name"]).second)
      report.add("capability_twice", capabilities_file, at,
                 "another entry has the type " + capabilities[i]["name"].get<std::string>());
    if (capabilities[i]["name"] != "WebSearch") continue;
    const Json sites = capabilities[i].value("sites", Json::array());
    for (std::size_t j = 0; j < sites.size(); ++j)
      if (!is_site(sites[j]["url"].get_ref<const std::string&>()))
        report.add("site_too_deep", capabilities_file, below(below(below(at, "sites"), j), "url"),
                   "'" + sites[j]["url"].get<std::string>() + "' is no site that WebSearch takes");
  }
}

/// The PNG's header (ISO/IEC 15948): signature, then IHDR with width, height, depth and colour type.
void check_icon(const Sources& sources, const std::string& which, std::uint32_t size, bool transparent,
                Report& report) {
  const std::string at = "/app/icons/" + which;
  const auto icon = sources.icons.find(sources.agent["app"]["icons"][which]);
  if (icon == sources.icons.end()) return;  // said already
  const std::string& bytes = icon->second;
  constexpr std::string_view begin("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  constexpr std::size_t colour_type_at = 25;
  if (!bytes.starts_with(begin) || bytes.size() <= colour_type_at)
    return report.add("icon_not_png", agent_file, at, icon->first + " is no PNG");
  const auto number = [&](std::size_t place) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = (value << 8U) | static_cast<unsigned char>(bytes[place + i]);
    return value;
  };
  const auto width = number(16), height = number(20);
  if (width != size || height != size)
    report.add("icon_size_wrong", agent_file, at,
               icon->first + " is " + std::to_string(width) + "x" + std::to_string(height) +
                   ", and must be " + std::to_string(size) + "x" + std::to_string(size));
  const bool alpha = bytes[colour_type_at] == 4 || bytes[colour_type_at] == 6;
  if (transparent && !alpha)
    report.add("icon_not_transparent", agent_file, at, icon->first + " has no alpha channel");
}

// --- actions -----------------------------------------------------------------------------------------------

void check_auth(const Json& auth, const std::string& at, bool mcp, Report& report) {
  const std::string type = auth["type"];
  if (mcp && type == "ApiKeyPluginVault")
    report.add("auth_type_wrong", actions_file, below(at, "type"), type + " is for OpenAPI runtimes");
  if (type != "None" && !auth.contains("reference_id"))
    report.add("auth_reference_missing", actions_file, below(at, "reference_id"),
               type + " needs a reference");
  if (type == "None" && auth.contains("reference_id"))
    report.add("auth_reference_unused", actions_file, below(at, "reference_id"), "None has no use for it");
}

/// What a function of either runtime says of itself, against what it does.
void check_function(const Json& function, const std::string& at, bool changes, Report& report) {
  const Json& handling = function["security_info"]["data_handling"];
  const bool says = std::ranges::find(handling, Json("ResourceStateUpdate")) != handling.end();
  const std::string id = function["id"];
  if (says != changes)
    report.add(
        "data_handling_wrong", actions_file, at + "/security_info/data_handling",
        id + (changes ? " changes something, and does not say so" : " changes nothing, and says it does"));
  if (!changes) return;
  if (!function.contains("confirmation"))
    report.add("confirmation_missing", actions_file, at + "/confirmation", id + " changes something");
  else if (function["confirmation"].value("isNonConsequential", false))
    report.add("confirmation_waived", actions_file, at + "/confirmation/isNonConsequential",
               id + " changes something");
}

/// The paths that the semantics name, in the answer they are about.
void check_semantics(const Json& function, const std::string& at, const Json& answer, Report& report) {
  if (!function.contains("response_semantics") || !answer.is_object()) return;
  const Json& semantics = function["response_semantics"];
  const std::string place = at + "/response_semantics";
  const auto unknown = [&](const std::string& field, const std::string& path, const std::string& of) {
    report.add("semantics_path_unknown", actions_file, field, path + " is not in " + of);
  };
  const std::string data_path = semantics["data_path"];
  Target data = follow(answer, data_path);
  if (!data.known) return;
  if (data.schema.is_null()) return unknown(place + "/data_path", data_path, "the answer");
  // Of a list, the properties are those of each entry.
  if (data.schema.contains("items")) data.schema = data.schema["items"];
  const Json properties = semantics.value("properties", Json::object());
  for (const auto& [name, path] : properties.items()) {
    const Target target = follow(data.schema, path);
    if (target.known && target.schema.is_null())
      unknown(place + "/properties/" + name, path, "what " + data_path + " holds");
  }
}

class Actions {
 public:
  Actions(const Sources& sources, Report& report) : sources_(sources), report_(report) {
    const Json& allowed = sources.actions["allowed_action_ids"];
    for (std::size_t i = 0; i < allowed.size(); ++i)
      if (!allowed_.insert(allowed[i]).second)
        report_.add("action_twice", actions_file, below("/allowed_action_ids", i),
                    allowed[i].get<std::string>() + " is listed already");
  }

  void openapi() {
    const Json& list = sources_.actions["openapi"]["actions"];
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string at = below("/openapi/actions", i);
      const std::string id = list[i]["id"];
      claim(id, at, ours_, "openapi");
      const auto operation = sources_.openapi.operations.find(id);
      if (operation == sources_.openapi.operations.end()) {
        report_.add("operation_missing", actions_file, below(at, "id"),
                    sources_.actions["openapi"]["file"].get<std::string>() + " has no operation " + id);
        continue;
      }
      parameters(list[i], at, operation->second);
      check_function(list[i], at, operation->second.changes, report_);
      check_semantics(list[i], at, operation->second.answer, report_);
    }
  }

  void mcp() {
    const Json& list = sources_.actions["mcp"]["tools"];
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string at = below("/mcp/tools", i);
      const std::string id = list[i]["id"];
      if (ours_.contains(id))
        report_.add("action_of_two_runtimes", actions_file, below(at, "id"),
                    id + " is the openapi runtime's");
      claim(id, at, theirs_, "mcp");
      const auto tool = sources_.tools.find(id);
      if (tool == sources_.tools.end()) {
        report_.add("tool_missing", actions_file, below(at, "id"),
                    sources_.actions["mcp"]["file"].get<std::string>() + " has no tool " + id);
        continue;
      }
      const Json annotations = tool->second.value("annotations", Json::object());
      check_function(list[i], at, annotations.value("readOnlyHint", Json()) != Json(true), report_);
      check_semantics(list[i], at, tool->second.value("outputSchema", Json()), report_);
    }
  }

  void nothing_left_over() {
    const Json& allowed = sources_.actions["allowed_action_ids"];
    for (std::size_t i = 0; i < allowed.size(); ++i)
      if (!ours_.contains(allowed[i]) && !theirs_.contains(allowed[i]))
        report_.add("action_without_runtime", actions_file, below("/allowed_action_ids", i),
                    "no runtime has the action " + allowed[i].get<std::string>());
  }

 private:
  void claim(const std::string& id, const std::string& at, std::set<std::string>& claimed,
             const char* runtime) {
    if (!claimed.insert(id).second)
      report_.add("action_twice", actions_file, below(at, "id"), id + " stands twice under " + runtime);
    if (!allowed_.contains(id))
      report_.add("action_not_allowed", actions_file, below(at, "id"), id + " is outside allowed_action_ids");
  }

  void parameters(const Json& action, const std::string& at, const Operation& operation) {
    std::set<std::string> seen;
    const Json list = action.value("parameters", Json::array());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string name = list[i]["name"];
      const std::string place = below(below(below(at, "parameters"), i), "name");
      if (!operation.parameters.contains(name))
        report_.add("parameter_unknown", actions_file, place, "the operation has no parameter " + name);
      if (!seen.insert(name).second)
        report_.add("parameter_twice", actions_file, place, name + " stands twice");
    }
  }

  const Sources& sources_;
  Report& report_;
  std::set<std::string> allowed_, ours_, theirs_;
};

}  // namespace

void check_rules(const Sources& sources, Report& report) {
  const Json& capabilities = sources.capabilities["capabilities"];
  check_starters(sources.agent, capabilities, report);
  check_capabilities(capabilities, report);
  check_icon(sources, "color", 192, false, report);
  check_icon(sources, "outline", 32, true, report);

  Actions actions(sources, report);
  check_auth(sources.actions["openapi"]["auth"], "/openapi/auth", false, report);
  actions.openapi();
  if (sources.actions.contains("mcp")) {
    check_auth(sources.actions["mcp"]["auth"], "/mcp/auth", true, report);
    actions.mcp();
  }
  actions.nothing_left_over();
}

}  // namespace rollcall::cli::manifest
