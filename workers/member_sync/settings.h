#pragma once
#include "common/config/settings.h"
#include "common/graph/client.h"
#include "common/graph/governor.h"
#include "common/graph/token_source.h"
#include "common/postgres/postgres.h"
#include "common/worker/run_worker.h"
#include "workers/member_sync/handler.h"

#include <cstdint>
#include <string>

namespace rollcall::member_sync {

struct ProcessSettings {
  std::string log_level;
  std::uint16_t ops_port = 0;
  postgres::Options database;
  worker::LoopOptions loop;
  graph::Credentials credentials;
  graph::GovernorLimits limits;
  graph::Options graph;
  HandlerOptions handler;
};

/// Declares and reads everything this process takes from its environment; ends with settings.finish().
ProcessSettings load_settings(config::Settings& settings);

}  // namespace rollcall::member_sync
