#pragma once
#include "workers/front/adapters/call_ledger.h"
#include "workers/front/adapters/news_feed.h"
#include "workers/front/api/invoke.h"
#include "workers/front/mcp/server.h"
#include "workers/front/mcp/tool_schema.h"

#include <string>
#include <vector>

/// What Rollcall offers over the Model Context Protocol.
namespace rollcall::front::mcp {

struct FeatureParts {
  const Operations& operations;           ///< what tools ask for
  const CallLedger* ledger = nullptr;     ///< null: calls are not put on record (tests)
  NewsFeed* news = nullptr;               ///< null: no job's end can be waited for
  bool read_only = false;                 ///< only tools that change and begin nothing
  std::vector<std::string> allowed = {};  ///< tools; empty: all
};

/// The parts outlive it. Throws Error{config, "setting_invalid"} where `allowed` names what is no tool.
Features rollcall_features(FeatureParts parts);

/// What features are made of.
std::vector<Tool> tools_of(const FeatureParts& parts);
std::vector<Prompt> prompts();
void add_resources(Features& features, const FeatureParts& parts);
/// The URI of a run's resource, and of a finding's.
inline constexpr const char* run_uri = "rollcall://runs/";
inline constexpr const char* finding_uri = "rollcall://findings/";

/// Asks for an operation as the exchange's caller.
Invocation invocation_of(const Exchange& exchange, const std::string& operation);
/// A problem document in a sentence: what happened, its code, and what to do about it.
std::string problem_text(const Json& problem);

}  // namespace rollcall::front::mcp
