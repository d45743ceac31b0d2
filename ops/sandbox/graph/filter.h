#pragma once
#include "common/core/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace rollcall::sandbox_graph {

/// One comparison: `property eq 'value'`, or an element of a collection with any(). `in` lists become
/// several.
struct Clause {
  std::string property;
  std::string value;
};

/// Parses the part of OData's $filter that joins eq, in and any(x:x eq '…') by `or`. Anything
/// else is the Problem Request_UnsupportedQuery.
Result<std::vector<Clause>> parse_filter(std::string_view text);

}  // namespace rollcall::sandbox_graph
