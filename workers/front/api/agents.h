#pragma once
#include "workers/front/adapters/call_ledger.h"
#include "workers/front/api/invoke.h"
#include "workers/front/api/routes.h"

/// What agents call: Copilot's actions.
namespace rollcall::front {

/// What it takes to serve agents.
struct AgentParts {
  Operations operations;  ///< that they may ask for
  CallLedger ledger;
};

Routes copilot_routes(Parts& parts, const AgentParts& agents);

/// How a call ended, by the answer that its operation gave. `answer` may be a problem document.
Settlement settlement_of(const Response& answer);
Settlement settlement_of(int status, const Json& body);
/// A W3C traceparent as it may be kept; empty where it is none.
std::string kept_traceparent(const std::string& traceparent);

}  // namespace rollcall::front
