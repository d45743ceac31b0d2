#pragma once
#include "common/core/json.h"
#include "common/schema/validator.h"
#include "workers/front/core/operation.h"

#include <map>
#include <string>
#include <vector>

/// The OpenAPI document, made from the operations that are served and the components of schemas/openapi: it
/// cannot say anything else than the program does.
namespace rollcall::front {

/// The components by name, compiled into the program. Throws Error{config, "internal"} where two files have
/// the same.
std::map<std::string, Json> openapi_components();
/// What bodies are checked against: each component by its name, "$ref"s resolved.
schema::Validator component_validator();

/// OpenAPI 3.1, without the servers.
Json openapi_document(const std::vector<Operation>& operations);

}  // namespace rollcall::front
