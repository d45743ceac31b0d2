#pragma once
#include "common/config/settings.h"
#include "common/graph/settings.h"
#include "common/worker/run_worker.h"
#include "workers/advisor_scan/handler.h"
#include "workers/advisor_scan/run_events.h"

namespace rollcall::advisor_scan {

struct ProcessSettings {
  worker::CommonSettings common;
  worker::LoopOptions loop;
  graph::MicrosoftSettings microsoft;
  HandlerOptions handler;
  RunEventsOptions run_events;
};

/// Declares and reads everything this process takes from its environment; ends with settings.finish().
ProcessSettings load_settings(config::Settings& settings);

}  // namespace rollcall::advisor_scan
