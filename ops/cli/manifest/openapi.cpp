#include "ops/cli/manifest/openapi.h"

#include "ops/cli/manifest/shape.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace rollcall::cli::manifest {
namespace {

constexpr auto methods =
    std::to_array<std::string_view>({"get", "put", "post", "delete", "options", "head", "patch", "trace"});
constexpr auto compositions = std::to_array<std::string_view>({"oneOf", "anyOf", "allOf"});

bool says_something(const Json& object, const char* member) {
  const std::string text = text_member(object, member);
  return text.find_first_not_of(" \t\r\n") != std::string::npos;
}

/// The member where it is an object; else an empty one.
const Json& object_member(const Json& object, std::string_view member) {
  static const Json empty = Json::object();
  const auto found = object.find(member);
  return found != object.end() && found->is_object() ? *found : empty;
}

class Reader {
 public:
  Reader(const std::string& file, const Json& document, Report& report)
      : file_(file), document_(document), report_(report) {}

  void head() {
    if (!text_member(document_, "openapi").starts_with("3.0."))
      add("openapi_version_wrong", "/openapi", "is '" + text_member(document_, "openapi") + "'");
    if (!says_something(object_member(document_, "info"), "description"))
      add("openapi_description_missing", "/info/description", "says nothing");
  }

  Operation operation(const std::string& method, const Json& described, const std::string& at) {
    Operation out;
    out.changes = method != "get";
    if (out.changes && described.value("x-openai-isConsequential", Json()) != Json(true))
      add("consequential_missing", below(at, "x-openai-isConsequential"), "is not true");
    if (!says_something(described, "description") && !says_something(described, "summary"))
      add("openapi_description_missing", below(at, "description"), "says nothing");
    parameters(described, at, out);
    body(described, at, out);
    answer(described, at, out);
    security(described, at);
    return out;
  }

 private:
  void add(const char* code, const std::string& pointer, const std::string& what) {
    report_.add(code, file_, pointer, what);
  }

  /// The value with every $ref replaced by what it points at; reports the first that goes in a circle.
  Json resolved(const Json& value, const std::string& at, std::vector<std::string> under = {}) {
    if (!value.is_structured()) return value;
    if (value.is_object() && value.contains("$ref") && value["$ref"].is_string()) {
      const auto reference = value["$ref"].get<std::string>();
      if (std::ranges::find(under, reference) != under.end()) {
        add("openapi_circular", at, reference + " contains itself");
        return Json::object();
      }
      const Json* target = reference.starts_with("#/") ? find(reference.substr(1)) : nullptr;
      if (target == nullptr) {
        add("openapi_reference_unknown", at, reference + " points at nothing in this document");
        return Json::object();
      }
      under.push_back(reference);
      return resolved(*target, at, std::move(under));
    }
    Json out = value.is_array() ? Json::array() : Json::object();
    for (const auto& [name, member] : value.items()) {
      if (value.is_array()) {
        out.push_back(resolved(member, below(at, name), under));
        continue;
      }
      if (std::ranges::find(compositions, name) != compositions.end() && member.is_array())
        add("openapi_composition", below(at, name), "is not read");
      out[name] = resolved(member, below(at, name), under);
    }
    return out;
  }

  const Json* find(const std::string& pointer) {
    const Json::json_pointer place(pointer);
    return document_.contains(place) ? &document_.at(place) : nullptr;
  }

  /// In the plugin's words: what it has none for (formats, bounds) is left to the OpenAPI document.
  std::optional<Json> plugin_schema(const Json& schema, const std::string& at, bool in_list = false) {
    const std::string type = text_member(schema, "type");
    if (type == "object" || (type == "array" && in_list) || type.empty()) {
      add("openapi_nested", at, type.empty() ? "has no type" : "is an " + type);
      return std::nullopt;
    }
    Json out = {{"type", type}};
    if (says_something(schema, "description")) out["description"] = schema["description"];
    if (type == "string" && schema.contains("enum")) {
      out["enum"] = schema["enum"];
      // A choice that may be absent lists null too; the plugin's schema takes text only.
      std::erase_if(out["enum"].get_ref<Json::array_t&>(), [](const Json& one) { return !one.is_string(); });
    }
    if (schema.contains("default") && !schema["default"].is_null()) out["default"] = schema["default"];
    if (type == "array") {
      const auto items = plugin_schema(object_member(schema, "items"), below(at, "items"), true);
      if (!items) return std::nullopt;
      out["items"] = *items;
    }
    return out;
  }

  void take(const std::string& name, const Json& schema, bool required, const std::string& at,
            Operation& out) {
    const auto made = plugin_schema(schema, at);
    if (!made) return;
    if (!made->contains("description"))
      add("openapi_description_missing", below(at, "description"),
          "the parameter " + name + " is not described");
    if (!out.parameters.emplace(name, Parameter{*made, required}).second)
      add("parameter_twice", at, "the operation has two parameters " + name);
  }

  void parameters(const Json& described, const std::string& at, Operation& out) {
    const Json list = described.value("parameters", Json::array());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = below(below(at, "parameters"), i);
      const Json parameter = resolved(list[i], place);
      if (text_member(parameter, "in") == "header") continue;  // nothing that a model fills in
      Json schema = object_member(parameter, "schema");
      if (says_something(parameter, "description")) schema["description"] = parameter["description"];
      take(text_member(parameter, "name"), schema, parameter.value("required", false), place, out);
    }
  }

  void body(const Json& described, const std::string& at, Operation& out) {
    if (!described.contains("requestBody")) return;
    const std::string place = below(at, "requestBody");
    const Json content = object_member(resolved(described["requestBody"], place), "content");
    if (!content.contains("application/json")) {
      add("openapi_media_type_wrong", below(place, "content"), "has no application/json");
      return;
    }
    const Json schema = object_member(content["application/json"], "schema");
    const Json required = schema.value("required", Json::array());
    const std::string properties = place + "/content/application~1json/schema/properties";
    for (const auto& [name, member] : object_member(schema, "properties").items())
      take(name, member, std::ranges::find(required, Json(name)) != required.end(), below(properties, name),
           out);
  }

  void answer(const Json& described, const std::string& at, Operation& out) {
    const Json all = object_member(described, "responses");
    for (const auto& [status, response] : all.items()) {
      const Json answered = resolved(response, below(below(at, "responses"), status));
      const Json content = object_member(answered, "content");
      if (status.starts_with('2') && content.contains("application/json") && out.answer.is_null())
        out.answer = object_member(content["application/json"], "schema");
    }
  }

  void security(const Json& described, const std::string& at) {
    const Json list =
        described.contains("security") ? described["security"] : document_.value("security", Json::array());
    const std::string place = described.contains("security") ? below(at, "security") : "/security";
    if (!list.is_array() || list.size() != 1 || !list[0].is_object() || list[0].size() != 1)
      return add("openapi_security_wrong", place, "does not name exactly one scheme");
    const std::string name = list[0].begin().key();
    const std::string pointer = below("/components/securitySchemes", name);
    const Json* scheme = find(pointer);
    const bool usable =
        scheme != nullptr &&
        ((text_member(*scheme, "type") == "http" && text_member(*scheme, "scheme") == "bearer") ||
         (text_member(*scheme, "type") == "oauth2" &&
          object_member(*scheme, "flows").contains("authorizationCode")));
    if (!usable) add("openapi_security_wrong", pointer, "is no scheme that Copilot can use");
  }

  const std::string& file_;
  const Json& document_;
  Report& report_;
};

void references(const Json& node, std::set<std::string>& found) {
  if (node.is_object() && node.contains("$ref") && node["$ref"].is_string())
    found.insert(node["$ref"].get<std::string>());
  if (node.is_structured())
    for (const auto& one : node)
      references(one, found);
}

/// The document with these paths, what they refer to, and one server.
Json packaged(const Json& document, Json paths, const std::string& server_url) {
  Json out = {{"openapi", document.value("openapi", Json())},
              {"info", document.value("info", Json())},
              {"servers", Json::array({{{"url", server_url}}})},
              {"security", document.value("security", Json::array())},
              {"components", {{"securitySchemes", Json::object()}}}};
  if (const Json::json_pointer schemes("/components/securitySchemes"); document.contains(schemes))
    out[schemes] = document[schemes];
  std::set<std::string> wanted, done;
  references(paths, wanted);
  while (!wanted.empty()) {
    const std::string reference = wanted.extract(wanted.begin()).value();
    if (!reference.starts_with("#/") || !done.insert(reference).second) continue;
    const Json::json_pointer place(reference.substr(1));
    if (!document.contains(place)) continue;
    out[place] = document[place];
    references(document[place], wanted);
  }
  out["paths"] = std::move(paths);
  return out;
}

}  // namespace

OpenApi read_openapi(const std::string& file, const Json& document, const std::set<std::string>& wanted,
                     const std::string& server_url, Report& report) {
  Reader reader(file, document, report);
  reader.head();
  OpenApi out;
  std::set<std::string> seen;
  Json paths = Json::object();
  for (const auto& [path, operations] : object_member(document, "paths").items()) {
    if (!operations.is_object()) continue;
    for (const auto& [method, described] : operations.items()) {
      if (std::ranges::find(methods, method) == methods.end() || !described.is_object()) continue;
      const std::string at = below(below("/paths", path), method);
      const std::string id = text_member(described, "operationId");
      if (!id.empty() && !seen.insert(id).second)
        report.add("operation_id_twice", file, below(at, "operationId"),
                   "'" + id + "' is another operation's too");
      if (id.empty() ||
          id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") !=
              std::string::npos)
        report.add("operation_id_malformed", file, below(at, "operationId"), "'" + id + "' is no name");
      if (!wanted.contains(id)) continue;
      out.operations.emplace(id, reader.operation(method, described, at));
      paths[path][method] = described;
    }
  }
  out.document = packaged(document, std::move(paths), server_url);
  return out;
}

Target follow(const Json& schema, const std::string& path) {
  Json at = schema;
  std::string_view rest = path;
  rest.remove_prefix(1);  // $
  while (!rest.empty()) {
    if (rest[0] != '.' || rest.starts_with("..")) return {{}, false};
    const auto end = std::min(rest.find_first_of(".[", 1), rest.size());
    const std::string name(rest.substr(1, end - 1));
    rest.remove_prefix(end);
    const Json properties = object_member(at, "properties");
    // An object that says nothing of its members may have any.
    if (properties.empty()) return {{}, false};
    if (!properties.contains(name)) return {nullptr, true};
    at = properties[name];
  }
  return {at, true};
}

}  // namespace rollcall::cli::manifest
