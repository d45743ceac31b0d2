#include "workers/front/core/sanitize.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;

namespace {

const Json schema = Json::parse(R"({"type": "object", "properties": {
  "pillar": {"type": "string", "enum": ["security", "cost"]},
  "kind": {"const": "job"},
  "finding_id": {"type": "string", "format": "uuid"},
  "since": {"type": "string", "format": "date-time"},
  "why": {"type": "string"},
  "limit": {"type": "integer"},
  "ids": {"type": "array", "items": {"type": "string", "format": "uuid"}},
  "inner": {"type": "object", "properties": {"name": {"type": "string"}, "all": {"type": "boolean"}}}}})");

}  // namespace

TEST_CASE("What a schema confines is kept of a call's parameters") {
  const Json kept = {{"pillar", "security"},
                     {"kind", "job"},
                     {"finding_id", "11111111-1111-4111-8111-111111111111"},
                     {"since", "2026-11-21T09:30:00Z"},
                     {"limit", 7},
                     {"ids", {"11111111-1111-4111-8111-111111111111"}},
                     {"inner", {{"all", true}}}};
  CHECK(sanitized(kept, schema) == kept);
}

TEST_CASE("No text of a caller's own, and no name it made up, is left of a call's parameters") {
  const Json parameters = {{"pillar", "alice@contoso.example"},
                           {"kind", "alice@contoso.example"},
                           {"finding_id", "alice@contoso.example"},
                           {"since", "alice@contoso.example"},
                           {"why", "alice@contoso.example asked"},
                           {"limit", "alice@contoso.example"},
                           {"ids", {"alice@contoso.example", {{"alice@contoso.example", 1}}}},
                           {"inner", {{"name", "alice@contoso.example"}, {"alice@contoso.example", 1}}},
                           {"alice@contoso.example", "alice@contoso.example"}};
  const Json left = sanitized(parameters, schema);
  CHECK(dump(left).find("alice") == std::string::npos);
  CHECK(left["why"] == "(text)");
  CHECK(left["(others)"] == 1);
  CHECK(left["inner"]["(others)"] == 1);
  for (const Json& odd : {Json("alice"), Json(nullptr), Json::array({"alice"}), Json(7)})
    CHECK(dump(sanitized(odd, schema)).find("alice") == std::string::npos);
  CHECK(sanitized({{"why", "alice"}}, nullptr) == Json({{"(others)", 1}}));
}
