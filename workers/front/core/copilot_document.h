#pragma once
#include "common/core/json.h"

namespace rollcall::front {

/// The OpenAPI 3.0 document that Microsoft 365 Copilot's tooling reads, made from the 3.1 one
/// (openapi-document-guidance and known-issues of Copilot extensibility): its actions and nothing else, no
/// type arrays or const, and x-openai-isConsequential with what changes something. Pure.
Json copilot_document(const Json& openapi);

}  // namespace rollcall::front
