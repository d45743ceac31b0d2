#pragma once
#include "ops/cli/manifest/mistakes.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace rollcall::cli::manifest {

/// What a function of the plugin takes, in the plugin manifest's few words.
struct Parameter {
  Json schema;  ///< type, description and, where there are, enum, default and items
  bool required = false;
};

/// An operation of the OpenAPI document, as far as the plugin tells of it.
struct Operation {
  bool changes = false;                         ///< something: every method but GET
  std::map<std::string, Parameter> parameters;  ///< of the query and the path, and the body's members
  Json answer;  ///< the schema of the 2xx answer, its references resolved; null: none
};

struct OpenApi {
  std::map<std::string, Operation> operations;  ///< by operationId: those that were wanted and are there
  Json document;  ///< with those operations, what they refer to, and this server alone
};

/// Reads the document that Copilot's tooling takes and reports what it would not (openapi-document-guidance
/// and known-issues of Copilot extensibility), of the wanted operations.
OpenApi read_openapi(const std::string& file, const Json& document, const std::set<std::string>& wanted,
                     const std::string& server_url, Report& report);

/// The schema that a path of the simplest form ("$.results", "$.finding.title") leads to; null where it leads
/// nowhere. `known` is false where the path has another form, or the schema does not say what is there.
struct Target {
  Json schema;
  bool known = true;
};
Target follow(const Json& schema, const std::string& path);

}  // namespace rollcall::cli::manifest
