#pragma once
#include "common/auth/settings.h"
#include "common/config/settings.h"
#include "common/graph/settings.h"
#include "common/http_server/server.h"
#include "common/vault/keyring.h"
#include "common/worker/common_settings.h"
#include "workers/front/api/routes.h"
#include "workers/front/mcp/endpoint.h"
#include "workers/front/pipeline.h"

#include <memory>

namespace rollcall::front {

struct FrontSettings {
  worker::CommonSettings common;
  graph::MicrosoftSettings microsoft;
  group_health::AbsenceLimits absence;
  auth::Settings auth;
  http_server::Options server;
  PipelineOptions pipeline;
  std::size_t threads = 8;  ///< that may block; each may hold a connection to PostgreSQL
  std::size_t queue_max = 1000;
  std::size_t streams_max = 100;
  HookSettings hooks;
  mcp::EndpointOptions mcp;
  std::chrono::milliseconds drain{};
  std::unique_ptr<vault::KeyProvider> keys;  ///< null: people cannot connect anything
};

/// Declares and reads everything; calls finish().
FrontSettings load_settings(config::Settings& settings);

}  // namespace rollcall::front
