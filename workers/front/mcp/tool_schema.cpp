#include "workers/front/mcp/tool_schema.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace rollcall::front::mcp {
namespace {

const std::string component_prefix = "#/components/schemas/";
const std::string def_prefix = "#/$defs/";
const char* const dialect = "https://json-schema.org/draft/2020-12/schema";

/// What path parameters are, for who fills them in.
const std::map<std::string, const char*> path_help = {
    {"organization", "Id (UUID) of the organization: from list_organizations."},
    {"job", "Id (UUID) of the job: from list_jobs, or from what started it."},
    {"finding", "Id (UUID) of the finding: from list_findings."},
    {"schedule", "Name or id of the schedule: from list_schedules."},
    {"worker", "Kind of worker: from list_workers, such as member-sync."},
    {"connector", "Kind of connection: mail, files or calendar; list_connections says which there are."},
    {"memberId", "Object id (UUID) of the member: from list_group_members."},
};

std::vector<std::string> path_names(const std::string& path) {
  std::vector<std::string> names;
  for (auto open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1))
    names.push_back(path.substr(open + 1, path.find('}', open) - open - 1));
  return names;
}

Json query_schema(const QueryParameter& parameter) {
  Json schema = {{"description", parameter.help}};
  switch (parameter.type) {
    case ParameterType::integer:
      schema.update({{"type", "integer"}, {"minimum", parameter.min}, {"maximum", parameter.max}});
      break;
    case ParameterType::boolean:
      schema["type"] = "boolean";
      break;
    case ParameterType::one_of:
      schema.update({{"type", "string"}, {"enum", parameter.choices}});
      break;
    case ParameterType::uuid:
      schema.update({{"type", "string"}, {"format", "uuid"}});
      break;
    case ParameterType::time:
      schema.update({{"type", "string"}, {"format", "date-time"}});
      break;
    case ParameterType::text:
      schema.update({{"type", "string"}, {"maxLength", parameter.text_max}});
      break;
  }
  if (parameter.name == "cursor")
    schema["description"] = "Where the page begins: next_cursor of the page before.";
  return schema;
}

/// Every "$ref" in the schema, changed by `change`.
void each_reference(Json& schema, const std::function<void(Json&)>& change) {
  if (!schema.is_structured()) return;
  if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) change(schema);
  for (auto& one : schema)
    each_reference(one, change);
}

/// Has references point into "$defs", and puts there what they name, and what that names.
void define(Json& schema, const Components& components) {
  std::set<std::string> wanted;
  const auto redirect = [&](Json& reference) {
    const auto text = reference["$ref"].get<std::string>();
    if (!text.starts_with(component_prefix)) return;
    const auto name = text.substr(component_prefix.size());
    reference["$ref"] = def_prefix + name;
    wanted.insert(name);
  };
  each_reference(schema, redirect);
  Json definitions = Json::object();
  while (!wanted.empty()) {
    const auto name = *wanted.begin();
    wanted.erase(wanted.begin());
    if (definitions.contains(name)) continue;
    Json definition = components.at(name);
    each_reference(definition, redirect);
    definitions[name] = std::move(definition);
  }
  if (!definitions.empty()) schema["$defs"] = std::move(definitions);
}

bool has_body(const Operation& operation) {
  return !operation.body.empty();
}

Json empty_object() {
  return {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
}

}  // namespace

Json input_schema(const ToolRow& row, const Operation& operation, const Components& components) {
  Json schema = empty_object();
  Json required = Json::array();
  auto& properties = schema["properties"];
  for (const auto& name : path_names(operation.path)) {
    const auto help = path_help.find(name);
    properties[name] = {{"type", "string"},
                        {"minLength", 1},
                        {"description", help == path_help.end() ? "The " + name + "." : help->second}};
    required.push_back(name);
  }
  for (const auto& parameter : operation.query) {
    properties[parameter.name] = query_schema(parameter);
    if (parameter.required) required.push_back(parameter.name);
  }
  if (has_body(operation)) {
    const Json& body = components.at(operation.body);
    const Json members = body.value("properties", Json::object());
    for (const auto& [name, property] : members.items())
      if (!row.fixed.contains(name)) properties[name] = property;
    for (const auto& name : body.value("required", Json::array()))
      if (!row.fixed.contains(name.get<std::string>())) required.push_back(name);
  }
  if (row.follows)
    properties["wait_seconds"] = {
        {"type", "integer"},
        {"minimum", 0},
        {"maximum", wait_seconds_max},
        {"description",
         "How long to wait for the job's end; 0, or not given: the answer comes at once, and "
         "get_job tells the rest."}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["$schema"] = dialect;
  define(schema, components);
  return schema;
}

Json output_schema(const ToolRow& row, const Operation& operation, const Components& components) {
  const auto answer = std::ranges::find_if(operation.answers, [](const AnswerShape& shape) {
    return shape.status < 300 && !shape.schema.empty() && shape.media_type == "application/json";
  });
  Json schema = empty_object();
  if (answer == operation.answers.end()) {
    schema["properties"]["done"] = {{"type", "boolean"}};
    schema["required"] = {"done"};
  } else {
    schema = components.at(answer->schema);
    if (schema.contains("properties") && schema["properties"].contains("nextLink")) {
      schema["properties"].erase("nextLink");
      schema["properties"]["next_cursor"] = {
          {"type", "string"}, {"description", "For the next page, as cursor; not there on the last one."}};
    }
  }
  if (row.follows) schema["properties"]["job"] = {{"$ref", component_prefix + "Job"}};
  schema["$schema"] = dialect;
  define(schema, components);
  return schema;
}

Json annotations_of(const ToolRow& row) {
  Json hints = {
      {"title", row.title}, {"readOnlyHint", row.effect == Effect::reads}, {"openWorldHint", row.strangers}};
  if (row.effect == Effect::reads) return hints;
  hints["destructiveHint"] = row.effect == Effect::removes;
  hints["idempotentHint"] = row.idempotent;
  return hints;
}

Json inlined(const Json& schema) {
  Json all = schema;
  const Json definitions = schema.value("$defs", Json::object());
  all.erase("$defs");
  // No component refers to itself: this ends.
  each_reference(all, [&](Json& reference) {
    const auto name = reference["$ref"].get<std::string>().substr(def_prefix.size());
    reference = definitions.value(name, Json::object());
  });
  return all;
}

Result<Mapped> map_arguments(const ToolRow& row, const Operation& operation, const Json& input,
                             const Json& arguments) {
  const auto wrong = [](const std::string& name, const char* what) {
    return unexpected(Problem{"schema_violation", "The argument '" + name + "' " + what + "."});
  };
  Mapped mapped;
  if (has_body(operation) && !row.fixed.is_null()) mapped.body = row.fixed;
  const auto paths = path_names(operation.path);
  const auto& properties = input.at("properties");
  for (const auto& name : paths)
    if (!arguments.contains(name)) return wrong(name, "is missing");
  for (const auto& [name, value] : arguments.items()) {
    if (!properties.contains(name)) return wrong(name, "is not known");
    const bool in_query =
        std::ranges::find(operation.query, name, &QueryParameter::name) != operation.query.end();
    if (name == "wait_seconds" && row.follows) {
      if (value.is_null()) continue;
      if (!value.is_number_integer() || value < 0 || value > wait_seconds_max)
        return wrong(name, "must be a number of seconds, at most 300");
      mapped.wait_seconds = value.get<long>();
    } else if (std::ranges::find(paths, name) != paths.end()) {
      if (!value.is_string() || value.get_ref<const std::string&>().empty())
        return wrong(name, "must be text");
      mapped.path[name] = value.get<std::string>();
    } else if (in_query) {
      if (value.is_null()) continue;  // models fill in what they do not mean
      if (value.is_structured()) return wrong(name, "must be one value");
      mapped.query.emplace_back(name, value.is_string() ? value.get<std::string>() : dump(value));
    } else {
      mapped.body[name] = value;
    }
  }
  if (has_body(operation) && !operation.body_optional && mapped.body.is_null()) mapped.body = Json::object();
  return mapped;
}

Json structured(Json answer) {
  if (!answer.is_object()) return {{"done", true}};
  const auto link = text_member(answer, "nextLink");
  if (link.empty()) return answer;
  answer.erase("nextLink");
  const auto cursor = link.rfind("cursor=");
  if (cursor != std::string::npos) answer["next_cursor"] = link.substr(cursor + 7);
  return answer;
}

}  // namespace rollcall::front::mcp
