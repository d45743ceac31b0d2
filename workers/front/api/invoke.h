#pragma once
#include "workers/front/api/execution.h"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Operations asked for from inside: by what Copilot and MCP clients call.
namespace rollcall::front {

using QueryPairs = std::vector<std::pair<std::string, std::string>>;

struct Invocation {
  std::string operation_id;
  auth::Caller caller;  ///< verified, and let in, by whoever asks
  std::string request_id = {}, traceparent = {}, public_root = {};
  PathParameters path = {};
  QueryPairs query = {};
  Json body = {};                     ///< null: none
  std::string idempotency_key = {};   ///< of a POST; empty: none
  http_server::Headers headers = {};  ///< others that the operation reads, such as If-Match
  /// Becomes true, where it is set, once nobody waits for the answer any more.
  std::shared_ptr<const std::atomic<bool>> unwanted = {};
};

/// The routes that can be asked for, among them those that have no place in the REST interface. An operation
/// decides about a call from inside as it does about the same request over HTTP (execution.h); its caller has
/// been paced and let in already.
class Operations {
 public:
  struct Options {
    bool microsoft_enabled = true;
  };
  /// Throws std::logic_error where two operations have the same id.
  Operations(Routes routes, Options options, Execution::Parts parts);

  /// By operationId; null where there is none.
  [[nodiscard]] const Operation* find(std::string_view id) const;
  /// Callable from any thread; never blocks. What is refused is answered as over HTTP, a problem document;
  /// an unknown operation is one too (404, route_not_found). Who does not wait any more is not answered:
  /// `respond` is let go of.
  void invoke(Invocation invocation, Respond respond) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace rollcall::front
