#pragma once
#include "common/config/settings.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"
#include "workers/scheduler/scheduler.h"

#include <cstdint>
#include <string>

namespace rollcall::scheduler {

struct ProcessOptions {
  SchedulerOptions loop;
  postgres::Options database;
  kafka::Options kafka;
  std::uint16_t ops_port = 9102;
  std::string log_level;
};
/// Declares and reads every setting of the process; throws what Settings::finish() throws.
ProcessOptions load(config::Settings& settings);

}  // namespace rollcall::scheduler
