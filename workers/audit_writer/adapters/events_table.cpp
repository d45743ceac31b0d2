#include "workers/audit_writer/adapters/events_table.h"

namespace rollcall::audit_writer {
namespace {

// An event is its id: one that was told again at another time (its run was taken over, and both holders saw
// the change through) is not another. The primary key cannot say so, since it must contain the partition's
// column. A run lives a week, so nothing repeats later than that. A scalar subquery, so that it stays one
// index look-up an event, whatever the planner thinks of the table. In the order of the key: two writers with
// the same events (after a rebalance) wait for each other, but never in a circle.
constexpr const char* insert = R"(
    INSERT INTO audit.events (event_id, occurred_at, tenant_id, organization_id, group_id, run_id, actor, action,
                              member_object_id, graph_request_id, detail)
    SELECT DISTINCT ON (u.event_id) u.*
      FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[],
                  $8::text[], $9::uuid[], $10::text[], $11::jsonb[]) AS u(event_id, occurred_at)
     WHERE (SELECT e.event_id FROM audit.events e
             WHERE e.event_id = u.event_id AND e.occurred_at > u.occurred_at - interval '8 days'
               AND e.occurred_at < u.occurred_at + interval '8 days' LIMIT 1) IS NULL
     ORDER BY u.event_id, u.occurred_at
        ON CONFLICT DO NOTHING)";

template <class Read>
postgres::Value column(const std::vector<Event>& events, Read read) {
  std::vector<postgres::Value> values;
  values.reserve(events.size());
  for (const Event& event : events)
    values.push_back(read(event));
  return postgres::array(values);
}

template <class Member>
postgres::Value column(const std::vector<Event>& events, Member Event::*member) {
  return column(events, [member](const Event& event) { return postgres::Value{event.*member}; });
}

}  // namespace

void EventsTable::ensure_partitions(const std::vector<Event>& events) {
  for (const Event& event : events) {
    std::string month = month_of(event.occurred_at);
    if (months_.contains(month)) continue;
    // In a transaction of its own: creating a partition locks the whole table, which must not last as long as
    // an insert.
    database_.query("SELECT audit.ensure_partition($1::date)", {postgres::value(month)});
    months_.insert(std::move(month));
  }
}

long EventsTable::write(const std::vector<Event>& events) {
  if (events.empty()) return 0;
  try {
    ensure_partitions(events);
    return database_.execute(
        insert,
        {column(events, &Event::event_id),
         column(events, [](const Event& event) { return postgres::value(event.occurred_at); }),
         column(events, &Event::tenant_id), column(events, &Event::organization_id),
         column(events, &Event::group_id), column(events, &Event::run_id), column(events, &Event::actor),
         column(events, &Event::action), column(events, &Event::member_object_id),
         column(events, &Event::graph_request_id), column(events, &Event::detail)});
  } catch (const Error&) {
    months_.clear();  // a partition may have been dropped meanwhile
    throw;
  }
}

}  // namespace rollcall::audit_writer
