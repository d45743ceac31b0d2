#pragma once
#include "ops/sandbox/graph/client_proof.h"

namespace rollcall::sandbox_graph {

/// One request to the token endpoint.
struct Exchange {
  std::string root;    ///< of the sandbox's URLs
  std::string tenant;  ///< as in the path
  Form form;
  std::string proof;  ///< once the client was checked
};

/// The token endpoint's answer. Throws Refusal.
Json redeem(State& state, Exchange& exchange, WallTime now);

}  // namespace rollcall::sandbox_graph
