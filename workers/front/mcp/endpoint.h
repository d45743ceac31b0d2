#pragma once
#include "workers/front/api/routes.h"
#include "workers/front/mcp/features.h"
#include "workers/front/mcp/routes.h"

#include <memory>
#include <string>
#include <vector>

namespace rollcall::front::mcp {

struct EndpointOptions {
  bool read_only = false;
  std::vector<std::string> tools = {};  ///< that are offered; empty: all
  std::string key = {};                 ///< of Seal; the same for every front
  ResourceMetadata metadata = {};
};

/// Rollcall's server of the Model Context Protocol with all it stands on. The parts outlive it; it outlives
/// its routes.
class Endpoint {
 public:
  /// `microsoft_enabled`, `public_root`, `origins`: as in PipelineOptions.
  struct Front {
    bool microsoft_enabled = true;
    std::string public_root = {};
    std::vector<std::string> origins = {};
  };
  /// `interface`: what is served over REST, which tools ask for too.
  Endpoint(Parts& parts, Routes interface, EndpointOptions options, Front front);

  /// /mcp, and where clients learn who gives tokens for it.
  [[nodiscard]] Routes routes() const;
  [[nodiscard]] const Server& server() const { return server_; }

 private:
  const ResourceMetadata metadata_;
  const Operations operations_;
  const CallLedger ledger_;
  const Server server_;
};

}  // namespace rollcall::front::mcp
