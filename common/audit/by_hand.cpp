#include "common/audit/by_hand.h"

#include "common/crypto/crypto.h"
#include "common/runs/audit_event.h"

namespace rollcall::audit {

Uuid dropped_event_id(const std::string& month) {
  return crypto::derived_uuid({"audit-month-dropped", month});
}

Uuid erasure_event_id(const Uuid& erasure, long parts) {
  return crypto::derived_uuid({"audit-erasure", erasure.to_string(), std::to_string(parts)});
}

Erased erase_person(postgres::Transaction& transaction, const Uuid& person, const std::string& reason,
                    const runs::Asker& asker) {
  Erased erased{crypto::new_uuid(), 0, {}};
  erased.parts = transaction
                     .query("SELECT audit.erase($1::uuid, $2::uuid, $3, $4)",
                            {postgres::value(person), postgres::value(erased.erasure_id),
                             postgres::value(asker.actor), postgres::value(reason)})
                     .at(0)
                     .number(0);
  // Whom it was about is what is to be forgotten: the event tells only that it was done.
  erased.stored = runs::store_audit_as(transaction, erasure_event_id(erased.erasure_id, erased.parts),
                                       {.tenant_id = asker.tenant_id,
                                        .actor = asker.actor,
                                        .action = "audit_person_erased",
                                        .detail = {{"erasure_id", erased.erasure_id.to_string()},
                                                   {"parts", erased.parts},
                                                   {"reason", reason}}},
                                       asker.now);
  return erased;
}

std::optional<DroppedMonth> drop_oldest_month(postgres::Transaction& transaction, long keep,
                                              const runs::Asker& asker) {
  const auto found = transaction.query(
      "SELECT m FROM (SELECT to_date(substring(c.relname FROM '^events_(\\d{4}_\\d{2})$'), 'YYYY_MM') AS m "
      "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = "
      "'audit.events'::regclass) "
      "p WHERE m <= date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC') - make_interval(months => "
      "$2::int) ORDER BY m LIMIT 1",
      {postgres::value(asker.now), postgres::value(keep)});
  if (found.empty()) return std::nullopt;
  DroppedMonth dropped{found[0].text(0), 0, {}};
  const auto held =
      transaction.query("SELECT audit.drop_month($1::date)", {postgres::value(dropped.month)}).at(0);
  if (held.is_null(0)) return std::nullopt;  // another writer was faster
  dropped.events = held.number(0);
  dropped.stored =
      runs::store_audit_as(transaction, dropped_event_id(dropped.month),
                           {.tenant_id = asker.tenant_id,
                            .actor = asker.actor,
                            .action = "audit_month_dropped",
                            .detail = {{"month", dropped.month.substr(0, 7)}, {"events", dropped.events}}},
                           asker.now);
  return dropped;
}

}  // namespace rollcall::audit
