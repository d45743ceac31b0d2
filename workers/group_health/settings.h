#pragma once
#include "common/config/settings.h"
#include "common/graph/settings.h"
#include "common/worker/run_worker.h"
#include "workers/group_health/handler.h"

namespace rollcall::group_health {

struct ProcessSettings {
  worker::CommonSettings common;
  worker::LoopOptions loop;
  graph::MicrosoftSettings microsoft;
  HandlerOptions handler;
};

/// Declares and reads everything this process takes from its environment; ends with settings.finish().
ProcessSettings load_settings(config::Settings& settings);

}  // namespace rollcall::group_health
