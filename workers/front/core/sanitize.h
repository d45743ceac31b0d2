#pragma once
#include "common/core/json.h"

namespace rollcall::front {

/// What may be kept of a call's parameters: numbers and truth values, and of texts those that the schema
/// confines to a list (enum, const), a UUID or a time. Of any other text, of members the schema does not name
/// and of their names, only that they were there. `schema`: a JSON Schema of an object, without "$ref".
Json sanitized(const Json& parameters, const Json& schema);

}  // namespace rollcall::front
