#pragma once
#include "common/core/json.h"
#include "common/core/result.h"
#include "workers/front/core/operation.h"
#include "workers/front/core/query.h"
#include "workers/front/core/router.h"

#include <map>
#include <string>
#include <vector>

/// What a tool takes and gives, derived from the operation that it asks for: what the operation declares is
/// said once.
namespace rollcall::front::mcp {

/// Of schemas/openapi, by name.
using Components = std::map<std::string, Json>;

/// What a tool does to what Rollcall and Microsoft 365 hold.
enum class Effect {
  reads,
  starts,   ///< work begins; what is there stays as it is
  changes,  ///< adds to what is there, or marks it
  removes,  ///< what is there may be lost
};

struct ToolRow {
  std::string name, title, description, operation;
  Effect effect = Effect::reads;
  bool idempotent = false;  ///< done twice is as done once
  bool strangers = false;   ///< answers with what anybody may have written
  bool follows = false;     ///< the answer names a job, whose end can be waited for
  Json fixed = {};          ///< members of the body that the tool itself gives
};

/// JSON Schema 2020-12, self-contained: what is referred to stands in "$defs".
Json input_schema(const ToolRow& row, const Operation& operation, const Components& components);
/// Of structuredContent.
Json output_schema(const ToolRow& row, const Operation& operation, const Components& components);
Json annotations_of(const ToolRow& row);
/// The same schema with what it refers to put in place.
Json inlined(const Json& schema);

/// Where the arguments go.
struct Mapped {
  PathParameters path;
  std::vector<std::pair<std::string, std::string>> query;
  Json body = nullptr;
  long wait_seconds = 0;
};
/// Problem `schema_violation` that names the argument; the operation judges the values.
Result<Mapped> map_arguments(const ToolRow& row, const Operation& operation, const Json& input,
                             const Json& arguments);

/// The answer of an operation as structuredContent: where a page ends, the next one's cursor in place of a
/// link.
Json structured(Json answer);

inline constexpr long wait_seconds_max = 300;

}  // namespace rollcall::front::mcp
