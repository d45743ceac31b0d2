#include "workers/front/api/document.h"

#include "cmake/embedded.h"
#include "common/core/error.h"
#include "common/core/lower.h"
#include "workers/front/core/access.h"
#include "workers/front/core/problem.h"

#include <algorithm>
#include <array>

namespace rollcall::front {
namespace {

Json schema_of(const QueryParameter& parameter) {
  switch (parameter.type) {
    case ParameterType::text:
      return {{"type", "string"}, {"maxLength", parameter.text_max}};
    case ParameterType::integer:
      return {{"type", "integer"}, {"minimum", parameter.min}, {"maximum", parameter.max}};
    case ParameterType::boolean:
      return {{"type", "string"}, {"enum", {"true", "false"}}};
    case ParameterType::uuid:
      return {{"type", "string"}, {"format", "uuid"}};
    case ParameterType::time:
      return {{"type", "string"}, {"format", "date-time"}};
    case ParameterType::one_of:
      return {{"type", "string"}, {"enum", parameter.choices}};
  }
  return Json::object();
}

Json reference(const std::string& component) {
  return {{"$ref", "#/components/schemas/" + component}};
}

Json parameters_of(const Operation& operation) {
  Json parameters = Json::array();
  for (std::size_t open = operation.path.find('{'); open != std::string::npos;
       open = operation.path.find('{', open + 1)) {
    const std::string name = operation.path.substr(open + 1, operation.path.find('}', open) - open - 1);
    parameters.push_back({{"name", name},
                          {"in", "path"},
                          {"required", true},
                          {"description", "The " + name + "."},
                          {"schema", {{"type", "string"}}}});
  }
  for (const auto& parameter : operation.query) {
    parameters.push_back({{"name", parameter.name},
                          {"in", "query"},
                          {"description", parameter.help},
                          {"schema", schema_of(parameter)}});
    if (parameter.required) parameters.back()["required"] = true;
  }
  if (operation.method == "POST")
    parameters.push_back(
        {{"name", "Idempotency-Key"},
         {"in", "header"},
         {"description",
          "Sent again with the same key, the request is answered as the first time, for 24 hours."},
         {"schema", {{"type", "string"}, {"maxLength", 257}}}});
  return parameters;
}

/// What an operation may refuse with, by what it takes.
std::vector<int> refusals_of(const Operation& operation) {
  std::vector<int> statuses{400, 414, 429, 431, 500, 503};
  const bool signed_in = operation.access != Access::anyone;
  if (signed_in) statuses.insert(statuses.end(), {401, 403});  // 403: a role, or the scope asked of people
  if (operation.path.find('{') != std::string::npos || operation.microsoft) statuses.push_back(404);
  if (!operation.body.empty()) statuses.insert(statuses.end(), {408, 413, 415});
  if (operation.method == "POST") statuses.insert(statuses.end(), {409, 422});
  if (operation.microsoft) statuses.push_back(502);
  std::ranges::sort(statuses);
  return statuses;
}

/// Of an operation that answers with pages. What the server refuses before it knows the operation, or when
/// that fails, is a problem all the same.
Json page_refusal(int status) {
  constexpr std::array by_the_server{414, 431, 500, 503};
  Json content = {{"text/html", {{"schema", {{"type", "string"}}}}}};
  if (std::ranges::find(by_the_server, status) != by_the_server.end())
    content["application/problem+json"]["schema"] = reference("Problem");
  return {{"description", reason_phrase(status)}, {"content", content}};
}

Json responses_of(const Operation& operation) {
  Json responses = Json::object();
  for (const int status : refusals_of(operation))
    responses[std::to_string(status)] =
        operation.page ? page_refusal(status)
                       : Json{{"$ref", "#/components/responses/Problem" + std::to_string(status)}};
  for (const auto& shape : operation.answers) {
    // One status may have several media types.
    Json& response = responses[std::to_string(shape.status)];
    response["description"] =
        (response.contains("description") ? response["description"].get<std::string>() + " " : "") +
        shape.help;
    if (!shape.schema.empty()) response["content"][shape.media_type]["schema"] = reference(shape.schema);
    if (shape.schema.empty() && shape.media_type != "application/json")
      response["content"][shape.media_type]["schema"] = {{"type", "string"}};
  }
  return responses;
}

std::string needs_of(Access access) {
  switch (access) {
    case Access::anyone:
      return "Needs no token.";
    case Access::signed_in:
      return "Needs a token; shows what the caller may see.";
    case Access::organization_member:
      return "Needs to be on the roster of the organization, or the app role " + std::string(operator_role) +
             ".";
    case Access::organization_admin:
      return "Needs to be an administrator of the organization by its roster, or the app role " +
             std::string(operator_role) + ".";
    case Access::operator_only:
      return "Needs the app role " + std::string(operator_role) + ".";
  }
  return {};
}

Json describe(const Operation& operation) {
  Json described = {{"operationId", operation.id},
                    {"summary", operation.summary},
                    {"description", needs_of(operation.access)},
                    {"tags", {operation.tag}},
                    {"responses", responses_of(operation)}};
  if (auto parameters = parameters_of(operation); !parameters.empty())
    described["parameters"] = std::move(parameters);
  if (!operation.body.empty())
    described["requestBody"] = {{"required", !operation.body_optional},
                                {"content", {{"application/json", {{"schema", reference(operation.body)}}}}}};
  if (operation.access == Access::anyone) described["security"] = Json::array();
  return described;
}

Json problem_responses() {
  Json responses = Json::object();
  for (const int status : {400, 401, 403, 404, 408, 409, 412, 413, 414, 415, 422, 429, 431, 500, 502, 503})
    responses["Problem" + std::to_string(status)] = {
        {"description", reason_phrase(status)},
        {"content", {{"application/problem+json", {{"schema", reference("Problem")}}}}}};
  return responses;
}

}  // namespace

std::map<std::string, Json> openapi_components() {
  std::map<std::string, Json> components;
  for (const auto& file : embedded::openapi_schemas()) {
    const Json document = Json::parse(file.text);
    for (const auto& [name, schema] : document.items())
      if (!components.emplace(name, schema).second)
        throw Error(Fault::config, "internal", "schemas/openapi has two components named " + name);
  }
  return components;
}

namespace {

/// "format" is for readers of the document: valijson takes it for a rule of strings and nothing else, and
/// would throw at a null or a number. What must hold has a pattern, or is read by the handler.
Json without_formats(const Json& schema) {
  if (!schema.is_structured()) return schema;
  Json out = schema.is_array() ? Json::array() : Json::object();
  if (schema.is_array()) {
    for (const auto& one : schema)
      out.push_back(without_formats(one));
    return out;
  }
  for (const auto& [name, value] : schema.items())
    if (name != "format" || !value.is_string()) out[name] = without_formats(value);
  return out;
}

}  // namespace

schema::Validator component_validator() {
  auto components = openapi_components();
  for (auto& [name, schema] : components)
    schema = without_formats(schema);
  std::map<std::string, Json> documents;
  for (const auto& [name, unused] : components)
    documents[name] = {{"allOf", {reference(name)}}, {"components", {{"schemas", components}}}};
  return schema::Validator(documents);
}

Json openapi_document(const std::vector<Operation>& operations) {
  Json document = {{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "Rollcall"},
                     {"version", ROLLCALL_VERSION},
                     {"description", "Keeps Microsoft 365 groups true to an organization's roster."}}},
                   {"security", Json::array({{{"entra", Json::array()}}})},
                   {"components",
                    {{"schemas", openapi_components()},
                     {"responses", problem_responses()},
                     {"securitySchemes",
                      {{"entra",
                        {{"type", "http"},
                         {"scheme", "bearer"},
                         {"bearerFormat", "JWT"},
                         {"description", "An access token of Microsoft Entra ID for this interface."}}}}}}},
                   {"paths", Json::object()}};
  for (const auto& operation : operations)
    document["paths"][operation.path][lower(operation.method)] = describe(operation);
  return document;
}

}  // namespace rollcall::front
