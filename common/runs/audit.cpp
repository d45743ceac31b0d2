#include "common/runs/audit.h"

#include "common/crypto/crypto.h"
#include "common/runs/audit_event.h"

namespace rollcall::runs {
namespace {

kafka::Message audit_message(const Uuid& event_id, const AuditEntry& entry, WallTime now) {
  const std::string id = event_id.to_string();
  Json event = {{"event_id", id},       {"occurred_at", to_rfc3339(now)}, {"tenant_id", entry.tenant_id},
                {"actor", entry.actor}, {"action", entry.action},         {"detail", entry.detail}};
  if (entry.organization_id) event["organization_id"] = entry.organization_id->to_string();
  if (entry.group_id) event["group_id"] = entry.group_id->to_string();
  if (entry.member_object_id) event["member_object_id"] = entry.member_object_id->to_string();
  if (entry.run_id) event["run_id"] = entry.run_id->to_string();
  if (!entry.graph_request_id.empty()) event["graph_request_id"] = entry.graph_request_id;
  const std::string key = !entry.subject.empty()  ? entry.subject
                          : entry.organization_id ? entry.organization_id->to_string()
                                                  : entry.tenant_id;
  return make_message(audit_topic, key, "rollcall.audit-event.v1", id, event, now);
}

Stored store_messages(postgres::Transaction& transaction, std::vector<kafka::Message> messages) {
  Stored stored;
  stored.ids = store_in_outbox(transaction, messages);
  stored.messages = std::move(messages);
  return stored;
}

}  // namespace

Stored store_audit(postgres::Transaction& transaction, const AuditEntry& entry, WallTime now) {
  return store_audit_as(transaction, crypto::new_uuid(), entry, now);
}

Stored store_audit_as(postgres::Transaction& transaction, const Uuid& event_id, const AuditEntry& entry,
                      WallTime now) {
  return store_messages(transaction, {audit_message(event_id, entry, now)});
}

Stored store_audit_all(postgres::Transaction& transaction, const std::vector<AuditEntry>& entries,
                       WallTime now) {
  std::vector<kafka::Message> messages;
  for (const auto& entry : entries)
    messages.push_back(audit_message(crypto::new_uuid(), entry, now));
  return store_messages(transaction, std::move(messages));
}

}  // namespace rollcall::runs
