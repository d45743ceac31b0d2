#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/kafka/kafka.h"

#include <string>

namespace rollcall::member_sync {

/// Whose changes they are.
struct AuditedRun {
  Uuid run, organization, group;
  std::string tenant_id, actor;
};

/// One change of a group's membership as the message of its audit event, whose id derives from run and
/// change.
kafka::Message audit_event(const AuditedRun& run, const Uuid& member, bool added,
                           const std::string& graph_request_id, WallTime now);

}  // namespace rollcall::member_sync
