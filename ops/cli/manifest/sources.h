#pragma once
#include "ops/cli/manifest/openapi.h"
#include "ops/cli/manifest/package.h"

namespace rollcall::cli::manifest {

inline constexpr const char* agent_file = "agent.yaml";
inline constexpr const char* actions_file = "actions.yaml";
inline constexpr const char* capabilities_file = "capabilities.yaml";

/// The sources as read: their shapes are as the tables of source_fields.cpp say, and nothing else is sure.
struct Sources {
  Json agent, actions, capabilities;
  OpenApi openapi;
  std::map<std::string, Json> tools;         ///< of the MCP server, by name; as tools/list gives them
  std::map<std::string, std::string> icons;  ///< bytes by path
};

/// Nothing where the sources are not fit to be looked at further; the report says why.
std::optional<Sources> read_sources(const ReadFile& read, const std::string& environment, const Values& set,
                                    Report& report);

}  // namespace rollcall::cli::manifest
