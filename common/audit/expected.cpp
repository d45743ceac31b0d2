#include "common/audit/expected.h"

namespace rollcall::audit {
namespace {

// Events say when they happened, and they are stored as they happen; the range keeps the look-up to two
// or three months of the trail.
constexpr const char* written =
    "EXISTS (SELECT FROM audit.events e WHERE e.event_id = u.event_id AND e.occurred_at > x.created_at - "
    "interval '35 days' AND e.occurred_at < x.created_at + interval '35 days')";

}  // namespace

std::set<Uuid> in_outbox(postgres::Transaction& transaction) {
  std::set<Uuid> ids;
  for (const auto& row :
       transaction.query("SELECT m->'headers'->>'ce_id' FROM ops.outbox, jsonb_array_elements(messages) AS m "
                         "WHERE m->'headers'->>'ce_type' = 'rollcall.audit-event.v1'")) {
    if (const auto id = Uuid::parse(row.text(0))) ids.insert(*id);
  }
  return ids;
}

std::vector<Expected> absent(postgres::Transaction& transaction,
                             const std::optional<std::vector<Uuid>>& only) {
  const auto waiting = in_outbox(transaction);
  std::vector<Expected> all;
  transaction.each(std::string("SELECT u.event_id, u.run_id FROM audit.expected x, unnest(x.event_ids, "
                               "x.run_ids) AS u(event_id, run_id) WHERE ($1::uuid[] IS NULL OR u.event_id = "
                               "ANY($1::uuid[])) AND NOT ") +
                       written,
                   {only ? postgres::array(*only) : postgres::Value()}, [&](const postgres::Row& row) {
                     if (waiting.contains(row.uuid(0))) return;
                     all.push_back({row.uuid(0), row.is_null(1) ? std::nullopt : std::optional(row.uuid(1))});
                   });
  return all;
}

long forget_written(postgres::Database& database, long after, long most) {
  return database.transact([&](postgres::Transaction& transaction) -> long {
    const auto page = transaction.query(
        "SELECT count(*), coalesce(max(id), 0) FROM (SELECT id FROM audit.expected WHERE id > $1 ORDER BY id "
        "LIMIT $2::bigint) p",
        {postgres::value(after), postgres::value(most)});
    const long last = page.at(0).number(1);
    if (last == 0) return 0;
    transaction.execute(
        std::string("DELETE FROM audit.expected x WHERE x.id > $1 AND x.id <= $2 AND NOT EXISTS "
                    "(SELECT FROM unnest(x.event_ids) AS u(event_id) WHERE NOT ") +
            written + ")",
        {postgres::value(after), postgres::value(last)});
    return page.at(0).number(0) < most ? 0 : last;
  });
}

}  // namespace rollcall::audit
