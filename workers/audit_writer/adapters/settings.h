#pragma once
#include "common/worker/common_settings.h"
#include "workers/audit_writer/audit_writer.h"

namespace rollcall::audit_writer {

struct ProcessOptions {
  worker::CommonSettings common;
  AuditWriterOptions loop;
};
/// Declares and reads every setting of the process; throws what Settings::finish() throws.
ProcessOptions load(config::Settings& settings);

}  // namespace rollcall::audit_writer
