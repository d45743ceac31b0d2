#include "workers/front/core/copilot_document.h"

#include <algorithm>
#include <set>
#include <string>

namespace rollcall::front {
namespace {

/// Copilot's actions, one path each.
constexpr std::string_view actions = "/copilot/v1/actions/";

/// A 3.1 schema in the words of 3.0.
Json schema_30(const Json& schema) {
  if (schema.is_array()) {
    Json list = Json::array();
    for (const auto& one : schema)
      list.push_back(schema_30(one));
    return list;
  }
  if (!schema.is_object()) return schema;
  Json out = Json::object();
  for (const auto& [name, value] : schema.items()) {
    if (name == "type" && value.is_array()) {
      for (const auto& type : value) {
        if (type == "null") {
          out["nullable"] = true;
        } else {
          out["type"] = type;
        }
      }
    } else if (name == "properties") {  // its members are names of ours, whatever they are called
      out[name] = Json::object();
      for (const auto& [property, its_schema] : value.items())
        out[name][property] = schema_30(its_schema);
    } else if (name == "const") {
      out["enum"] = Json::array({value});
    } else if (name == "examples" && value.is_array()) {
      if (!value.empty()) out["example"] = value[0];
    } else if (name == "enum" || name == "default" || name == "example" || name == "required") {
      out[name] = value;  // data, not schemas
    } else {
      out[name] = schema_30(value);
    }
  }
  return out;
}

Json described(const std::string& method, const Json& operation) {
  Json out = schema_30(operation);
  out["x-openai-isConsequential"] = method != "get";
  Json parameters = Json::array();
  for (const auto& parameter : operation.value("parameters", Json::array()))
    if (parameter["in"] != "header") parameters.push_back(schema_30(parameter));
  if (parameters.empty()) {
    out.erase("parameters");
  } else {
    out["parameters"] = std::move(parameters);
  }
  return out;
}

void collect_references(const Json& node, std::set<std::string>& names) {
  if (node.is_object() && node.contains("$ref")) names.insert(node["$ref"].get<std::string>());
  if (node.is_structured())
    for (const auto& one : node)
      collect_references(one, names);
}

/// Keeps the components that are referred to, directly or not.
Json used_components(const Json& document, const Json& paths) {
  Json kept = {{"securitySchemes", document["components"]["securitySchemes"]}};
  std::set<std::string> wanted, done;
  collect_references(paths, wanted);
  while (!wanted.empty()) {
    const std::string reference = *wanted.begin();
    wanted.erase(wanted.begin());
    if (!done.insert(reference).second) continue;
    const Json::json_pointer place(reference.substr(1));
    Json component = schema_30(document.at(place));
    collect_references(component, wanted);
    kept[place.parent_pointer().back()][place.back()] = std::move(component);
  }
  return kept;
}

}  // namespace

Json copilot_document(const Json& openapi) {
  Json document = {{"openapi", "3.0.3"},
                   {"info", openapi["info"]},
                   {"security", openapi["security"]},
                   {"paths", Json::object()}};
  if (openapi.contains("servers")) document["servers"] = openapi["servers"];
  for (const auto& [path, operations] : openapi["paths"].items())
    for (const auto& [method, operation] : operations.items())
      if (path.starts_with(actions)) document["paths"][path][method] = described(method, operation);
  document["components"] = used_components(openapi, document["paths"]);
  return document;
}

}  // namespace rollcall::front
