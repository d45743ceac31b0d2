#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"
#include "common/core/result.h"

#include <cstdint>
#include <optional>
#include <string>

/// Whether an audit event can stand in the table, decided from values alone.
namespace rollcall::audit_writer {

/// A row of audit.events, ids in lower case as PostgreSQL shows them. Times in milliseconds: a replay is cut
/// the same way, so the primary key still knows it.
struct Event {
  std::string event_id;
  WallTime occurred_at;
  std::string tenant_id;
  std::optional<std::string> organization_id, group_id, run_id;
  std::string actor, action;
  std::optional<std::string> member_object_id, graph_request_id;
  std::string detail = "{}";  ///< JSON text
  std::int64_t offset = 0;    ///< where its message stands in its partition
};

/// From a value that the schema rollcall.audit-event.v1 accepts. Problem `schema_violation` for what a schema
/// cannot say but the table refuses: one such event would hold up all behind it for ever.
Result<Event> to_event(const Json& value, WallTime now);

/// Whether the value is plainly an audit event: then the schema accepts it, too, and need not be asked, which
/// costs more than all the rest. False means only that the schema decides.
bool plainly_valid(const Json& value);

/// "2026-11-01": the first day of the month (UTC) whose partition takes the event.
std::string month_of(WallTime time);

}  // namespace rollcall::audit_writer
