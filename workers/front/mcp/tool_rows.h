#pragma once
#include "workers/front/mcp/tool_schema.h"

#include <vector>

namespace rollcall::front::mcp {

/// Every tool, in the order of tools/list.
std::vector<ToolRow> tool_rows();
/// Those that act on the caller's own mail, files and calendar.
const std::vector<ToolRow>& connector_rows();

}  // namespace rollcall::front::mcp
