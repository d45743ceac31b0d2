#pragma once
#include "common/core/json.h"
#include "workers/front/mcp/features.h"

#include <functional>
#include <string>

namespace rollcall::front::mcp {

/// A call over the protocol, as it is known before anything happens.
AgentCall call_of(const Exchange& exchange, std::string operation, std::string parameters_hash = {});

/// Asks for an operation with the call on record: its row stands before anything happens, and its outcome
/// before `then` has the answer, whose body is null where it has none. Without PostgreSQL nothing is done,
/// and the exchange fails. What `then` throws is the exchange's answer.
using Answered = std::function<void(int status, const Json& body)>;
void ask_on_record(const FeatureParts& parts, const ExchangePtr& exchange, AgentCall call,
                   Invocation invocation, Answered then);

/// A call that is not let through: on record, then `done`.
void refuse_on_record(const FeatureParts& parts, AgentCall call, Settlement how, std::function<void()> done);

}  // namespace rollcall::front::mcp
