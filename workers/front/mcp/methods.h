#pragma once
#include "workers/front/mcp/server.h"

#include <string_view>

/// The methods of the protocol.
namespace rollcall::front::mcp {

/// What they need of the server; outlives them.
struct Serving {
  const Features& features;
  const ServerOptions& options;
  const Seal& seal;
};

/// Whether a method is there, in this era and of what this server offers.
[[nodiscard]] bool has_method(const Serving& serving, std::string_view method, Era era);
/// Answers the request; throws Failed, or what the exchange's guarded() catches.
void run_method(const Serving& serving, const ExchangePtr& exchange);

}  // namespace rollcall::front::mcp
