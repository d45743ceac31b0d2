#include "ops/cli/manifest/published.h"

#include "common/core/error.h"
#include "common/schema/validator.h"

#include <array>

namespace rollcall::cli::manifest {
namespace {

struct Published {
  const char* document;
  const char* schema;
};
constexpr auto schemas = std::to_array<Published>({
    {app_document, "teams/v1.30/MicrosoftTeams.schema.json"},
    {agent_document, "copilot/declarative-agent/v1.8/schema.json"},
    {plugin_document, "copilot/plugin/v2.4/schema.json"},
});

/// As the house's validator reads it: formats are for readers, a lookbehind is for other engines, and which
/// names an object may have is said by additionalProperties, which valijson gets right, not by propertyNames,
/// which it does not.
Json readable(const Json& schema) {
  if (!schema.is_structured()) return schema;
  Json out = schema.is_array() ? Json::array() : Json::object();
  for (const auto& [name, value] : schema.items()) {
    if (schema.is_array()) {
      out.push_back(readable(value));
      continue;
    }
    const bool lookbehind = name == "pattern" && value.is_string() &&
                            value.get_ref<const std::string&>().find("(?<") != std::string::npos;
    if (!lookbehind && !(name == "format" && value.is_string())) out[name] = readable(value);
  }
  if (!out.is_object() || !out.contains("propertyNames")) return out;
  const Json names = out["propertyNames"];
  out.erase("propertyNames");
  out["additionalProperties"] = false;
  if (names.contains("pattern"))
    out["patternProperties"][names["pattern"].get<std::string>()] = Json::object();
  for (const auto& name : names.value("enum", Json::array()))
    if (!out["properties"].contains(name.get<std::string>()))
      out["properties"][name.get<std::string>()] = Json::object();
  return out;
}

}  // namespace

std::vector<Mistake> check_published(const Package& package, const std::string& folder,
                                     const ReadFile& read) {
  std::map<std::string, Json> documents;
  for (const auto& [document, path] : schemas) {
    const auto text = read(path);
    if (!text)
      throw Error(Fault::not_found, "file_not_found",
                  std::string("there is no schema ") + path + " in that folder");
    auto schema = parse_json(*text);
    if (!schema || !schema->is_object())
      throw Error(Fault::config, "internal", std::string(path) + " is no schema");
    schema->erase("$schema");
    documents[document] = readable(*schema);
  }
  const schema::Validator validator(documents);
  Report report;
  for (const auto& [document, unused] : schemas)
    for (const auto& mistake : validator.mistakes(document, Json::parse(package.documents.at(document))))
      report.add("published_schema", folder + "/" + document, mistake.pointer, mistake.what);
  return report.sorted();
}

}  // namespace rollcall::cli::manifest
