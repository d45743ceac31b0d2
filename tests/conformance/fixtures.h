#pragma once
#include "workers/front/mcp/server.h"

#include <vector>

/// What the official conformance suite expects a server to offer (its README and src/scenarios/server).
namespace rollcall::mcp_conformance {

front::mcp::Features features(const front::mcp::Seal& seal);

// By area.
std::vector<front::mcp::Tool> input_required_tools(const front::mcp::Seal& seal);
front::mcp::Prompt input_required_prompt();

Json text_content(const std::string& text);
Json text_result(const std::string& text);
/// A tool without arguments.
front::mcp::Tool tool(const std::string& name, const std::string& description,
                      std::function<void(const front::mcp::ExchangePtr&, const Json&)> call);

}  // namespace rollcall::mcp_conformance
