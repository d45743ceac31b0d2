#include "ops/cli/manifest/sources.h"

#include "ops/cli/manifest/shape.h"
#include "ops/cli/manifest/yaml.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace rollcall::cli::manifest {
namespace {

class Loader {
 public:
  Loader(const ReadFile& read, Report& report) : read_(read), report_(report) {}

  std::optional<std::string> file(const std::string& path, const std::string& named_by = {},
                                  const std::string& field = {}) {
    auto text = read_(path);
    if (!text && named_by.empty()) report_.add("file_missing", path, "", "there is no such file");
    if (!text && !named_by.empty()) report_.add("file_missing", named_by, field, "there is no file " + path);
    return text;
  }

  void values(const std::string& environment, const Values& set) {
    if (!environment.empty()) {
      environment_file_ = "environments/" + environment + ".yaml";
      if (const auto text = file(environment_file_))
        if (const auto read = read_yaml(environment_file_, *text, report_)) take(*read);
    }
    for (const auto& [name, value] : set) {
      values_[name] = value;
      check_name(name, typed_values, below("", name));
    }
    set_ = set;
  }

  /// The file with its placeholders filled; nothing where it is not of the shape it must have.
  std::optional<Json> yaml(const std::string& path, std::span<const Field> fields) {
    const auto text = file(path);
    if (!text) return std::nullopt;
    auto value = read_yaml(path, *text, report_);
    if (!value) return std::nullopt;
    // Half filled, what is wrong with a value is that it is missing.
    if (fill(*value, path, "")) check_shape(*value, fields, path, "", report_);
    return value;
  }

  std::optional<Json> json(const std::string& path, const std::string& field) {
    const auto text = file(path, actions_file, field);
    if (!text) return std::nullopt;
    auto value = parse_json(*text, {.unique_members = true});
    if (value && value->is_object()) return std::move(*value);
    report_.add("json_malformed", path, "", value ? "is no object" : value.error().message);
    return std::nullopt;
  }

  void refuse_unused() {
    for (const auto& [name, value] : values_) {
      if (used_.contains(name)) continue;
      const bool typed = set_.contains(name);
      report_.add("value_unused", typed ? typed_values : environment_file_, below("", name),
                  "no source uses the value " + name);
    }
  }

 private:
  void take(const Json& read) {
    if (!read.is_object()) {
      report_.add("type_wrong", environment_file_, "", "must be an object");
      return;
    }
    for (const auto& [name, value] : read.items()) {
      check_name(name, environment_file_, below("", name));
      if (value.is_string()) {
        values_[name] = value.get<std::string>();
      } else {
        report_.add("type_wrong", environment_file_, below("", name), "must be text");
        used_.insert(name);  // one complaint is enough
      }
    }
  }

  void check_name(const std::string& name, const std::string& file, const std::string& field) {
    for (const auto* word : {"secret", "password", "token", "credential", "private"})
      if (name.find(word) != std::string::npos)
        report_.add("value_secret", file, field, "the name says that '" + name + "' is a secret");
  }

  /// ${NAME} becomes the value; there is no way to nest them. False where a value is missing.
  bool fill(Json& value, const std::string& file, const std::string& pointer) {
    bool whole = true;
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i)
        whole &= fill(value[i], file, below(pointer, i));
    if (value.is_object())
      for (auto& [name, member] : value.items())
        whole &= fill(member, file, below(pointer, name));
    if (!value.is_string()) return whole;
    const std::string text = value.get<std::string>();
    std::string filled;
    std::size_t at = 0;
    while (at < text.size()) {
      const auto begin = text.find("${", at);
      const auto end = begin == std::string::npos ? begin : text.find('}', begin);
      if (end == std::string::npos) break;
      const std::string name = text.substr(begin + 2, end - begin - 2);
      filled += text.substr(at, begin - at);
      if (const auto found = values_.find(name); found != values_.end()) {
        filled += found->second;
        used_.insert(name);
      } else {
        report_.add("value_missing", file, pointer, "needs the value " + name);
        whole = false;
      }
      at = end + 1;
    }
    value = filled + text.substr(at);
    return whole;
  }

  const ReadFile& read_;
  Report& report_;
  std::string environment_file_;
  Values values_, set_;
  std::set<std::string> used_;
};

void check_capabilities(const Json& capabilities, Report& report) {
  const Json& list = capabilities["capabilities"];
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = below("/capabilities", i);
    const std::string type = list[i].is_object() ? text_member(list[i], "name") : "";
    const auto fields = capability_fields(type);
    if (!list[i].is_object()) {
      report.add("type_wrong", capabilities_file, at, "must be an object");
    } else if (fields.empty()) {
      report.add("capability_unknown", capabilities_file, below(at, "name"),
                 "'" + type + "' is none of " + capability_types());
    } else {
      check_shape(list[i], fields, capabilities_file, at, report);
    }
  }
}

void read_tools(const Json& document, const std::string& file, std::map<std::string, Json>& tools,
                Report& report) {
  const Json list = document.value("tools", Json());
  if (!list.is_array()) return report.add("tools_malformed", file, "/tools", "is no list");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = below("/tools", i);
    if (!list[i].is_object() || text_member(list[i], "name").empty() ||
        text_member(list[i], "description").empty() || !list[i].value("inputSchema", Json()).is_object()) {
      report.add("tools_malformed", file, at, "is no tool: name, description and inputSchema make one");
    } else if (!tools.emplace(text_member(list[i], "name"), list[i]).second) {
      report.add("tools_malformed", file, at, "the name '" + text_member(list[i], "name") + "' stands twice");
    }
  }
}

}  // namespace

std::optional<Sources> read_sources(const ReadFile& read, const std::string& environment, const Values& set,
                                    Report& report) {
  Loader loader(read, report);
  loader.values(environment, set);
  auto agent = loader.yaml(agent_file, agent_fields());
  auto actions = loader.yaml(actions_file, actions_fields());
  auto capabilities = loader.yaml(capabilities_file, capabilities_fields());
  if (agent && actions && capabilities) loader.refuse_unused();
  if (capabilities && report.empty()) check_capabilities(*capabilities, report);
  if (!report.empty()) return std::nullopt;  // what follows relies on the shapes

  Sources sources{std::move(*agent), std::move(*actions), std::move(*capabilities), {}, {}, {}};
  for (const auto* icon : {"color", "outline"}) {
    const std::string path = sources.agent["app"]["icons"][icon];
    if (auto bytes = loader.file(path, agent_file, std::string("/app/icons/") + icon))
      sources.icons[path] = std::move(*bytes);
  }
  const Json& openapi = sources.actions["openapi"];
  const auto document = loader.json(openapi["file"], "/openapi/file");
  if (sources.actions.contains("mcp")) {
    const auto tools = loader.json(sources.actions["mcp"]["file"], "/mcp/file");
    if (!tools) return std::nullopt;
    read_tools(*tools, sources.actions["mcp"]["file"], sources.tools, report);
  }
  if (!document) return std::nullopt;
  std::set<std::string> wanted;
  for (const auto& action : openapi["actions"])
    wanted.insert(action["id"]);
  sources.openapi = read_openapi(openapi["file"], *document, wanted, openapi["server_url"], report);
  return sources;
}

}  // namespace rollcall::cli::manifest
