#include "workers/front/core/copilot_document.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;

namespace {

Json answer() {
  return {{"200",
           {{"description", "d"},
            {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Thing"}}}}}}}}}};
}

Json post(const Json& body) {
  return {{"operationId", "post"},
          {"responses", answer()},
          {"requestBody", {{"content", {{"application/json", {{"schema", body}}}}}}}};
}

Json document_of(const Json& paths) {
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "t"}}},
          {"security", Json::array()},
          {"paths", paths},
          {"components",
           {{"securitySchemes", Json::object()},
            {"schemas",
             {{"Thing",
               {{"type", {"object", "null"}},
                {"properties", {{"a", {{"const", 1}}}, {"b", {{"$ref", "#/components/schemas/Part"}}}}}}},
              {"Part", {{"type", {"string", "null"}}, {"enum", {"type", "const"}}}},
              {"Unused", {{"type", "string"}}}}}}}};
}

}  // namespace

TEST_CASE("3.1's words become 3.0's, and what nobody refers to is left out") {
  const Json made = copilot_document(
      document_of({{"/copilot/v1/actions/a", {{"get", {{"operationId", "get"}, {"responses", answer()}}}}}}));
  CHECK(made["openapi"] == "3.0.3");
  const Json schemas = made["components"]["schemas"];
  CHECK(schemas["Thing"]["type"] == "object");
  CHECK(schemas["Thing"]["nullable"] == true);
  CHECK(schemas["Thing"]["properties"]["a"]["enum"] == Json::array({1}));
  CHECK(schemas["Part"] == Json({{"type", "string"}, {"nullable", true}, {"enum", {"type", "const"}}}));
  CHECK_FALSE(schemas.contains("Unused"));
  CHECK(made["paths"]["/copilot/v1/actions/a"]["get"]["x-openai-isConsequential"] == false);
}

TEST_CASE("Copilot is offered its actions and nothing else; what changes something is marked") {
  const Json flat = {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}};
  const Json made = copilot_document(document_of({{"/copilot/v1/actions", {{"post", post(flat)}}},
                                                  {"/copilot/v1/actions/b", {{"post", post(flat)}}},
                                                  {"/api/v1/b", {{"post", post(flat)}}}}));
  CHECK(made["paths"].size() == 1);
  CHECK(made["paths"]["/copilot/v1/actions/b"]["post"]["x-openai-isConsequential"] == true);
}

TEST_CASE("Header parameters are left to the client") {
  Json operation = {{"responses", answer()},
                    {"parameters", Json::array({{{"name", "Idempotency-Key"}, {"in", "header"}}})}};
  CHECK_FALSE(copilot_document(document_of(
      {{"/copilot/v1/actions/a", {{"get", operation}}}}))["paths"]["/copilot/v1/actions/a"]["get"]
                  .contains("parameters"));
}
