#pragma once
#include "common/config/settings.h"
#include "common/postgres/postgres.h"
#include "workers/audit_writer/audit_writer.h"

#include <cstdint>
#include <string>

namespace rollcall::audit_writer {

struct ProcessOptions {
  AuditWriterOptions loop;
  postgres::Options database;
  std::uint16_t ops_port = 9103;
  std::string log_level;
};
/// Declares and reads every setting of the process; throws what Settings::finish() throws.
ProcessOptions load(config::Settings& settings);

}  // namespace rollcall::audit_writer
