#pragma once
#include "common/worker/common_settings.h"
#include "workers/scheduler/scheduler.h"

namespace rollcall::scheduler {

struct ProcessOptions {
  worker::CommonSettings common;
  SchedulerOptions loop;
};
/// Declares and reads every setting of the process; throws what Settings::finish() throws.
ProcessOptions load(config::Settings& settings);

}  // namespace rollcall::scheduler
