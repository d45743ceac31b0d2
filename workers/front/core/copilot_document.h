#pragma once
#include "common/core/json.h"

namespace rollcall::front {

/// The OpenAPI 3.0 document that Microsoft 365 Copilot's tooling reads, made from the 3.1 one
/// (openapi-document-guidance and known-issues of Copilot extensibility): no type arrays or const, no nested
/// objects in bodies, JSON answers only, and every operation that changes something marked
/// x-openai-isConsequential. Operations that cannot be said so are left out. Pure.
Json copilot_document(const Json& openapi);

}  // namespace rollcall::front
