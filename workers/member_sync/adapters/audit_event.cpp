#include "workers/member_sync/adapters/audit_event.h"

#include "common/crypto/crypto.h"
#include "common/runs/runs.h"

namespace rollcall::member_sync {

kafka::Message audit_event(const AuditedRun& run, const Uuid& member, bool added,
                           const std::string& graph_request_id, WallTime now) {
  const std::string action = added ? "member_added" : "member_removed";
  const std::string run_id = run.run.to_string(), member_id = member.to_string();
  const std::string event_id = crypto::derived_uuid({run_id, action, member_id}).to_string();
  const std::string organization = run.organization.to_string();
  Json event = {{"event_id", event_id},
                {"occurred_at", to_rfc3339(now)},
                {"tenant_id", run.tenant_id},
                {"organization_id", organization},
                {"group_id", run.group.to_string()},
                {"run_id", run_id},
                {"actor", run.actor},
                {"action", action},
                {"member_object_id", member_id}};
  if (!graph_request_id.empty()) event["graph_request_id"] = graph_request_id;
  return runs::make_message(runs::audit_topic, organization, "rollcall.audit-event.v1", event_id, event, now);
}

}  // namespace rollcall::member_sync
