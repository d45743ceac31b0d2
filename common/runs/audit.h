#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/runs/runs.h"

#include <optional>
#include <string>

namespace rollcall::runs {

/// What a person or a program changed by hand, for rollcall.audit.
struct AuditEntry {
  std::string tenant_id, actor, action;
  std::optional<Uuid> organization_id = std::nullopt;
  std::optional<Uuid> group_id = std::nullopt;
  Json detail = Json::object();
  /// Events of one subject keep their order; the organization where it is empty.
  std::string subject = {};
  std::optional<Uuid> member_object_id = std::nullopt;
  std::string graph_request_id = {};
  std::optional<Uuid> run_id = std::nullopt;
};

/// Who changes something by hand, as the audit trail keeps it ("cli", or "<tid>/<oid>"), and when.
struct Asker {
  std::string tenant_id, actor;
  WallTime now;
};

/// Stored in the caller's transaction: the change and what tells of it are one.
Stored store_audit(postgres::Transaction& transaction, const AuditEntry& entry, WallTime now);

}  // namespace rollcall::runs
