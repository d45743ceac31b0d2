#pragma once
#include "common/config/settings.h"
#include "common/graph/settings.h"
#include "common/worker/run_worker.h"
#include "workers/member_sync/handler.h"
#include "workers/member_sync/roster_events.h"

namespace rollcall::member_sync {

struct ProcessSettings {
  worker::CommonSettings common;
  worker::LoopOptions loop;
  graph::MicrosoftSettings microsoft;
  HandlerOptions handler;
  RosterEventsOptions roster_events;
};

/// Declares and reads everything this process takes from its environment; ends with settings.finish().
ProcessSettings load_settings(config::Settings& settings);

}  // namespace rollcall::member_sync
