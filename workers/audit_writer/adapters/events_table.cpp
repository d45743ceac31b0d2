#include "workers/audit_writer/adapters/events_table.h"

#include "common/audit/content.h"
#include "common/crypto/crypto.h"
#include "common/postgres/bytea.h"

#include <algorithm>
#include <unordered_set>

namespace rollcall::audit_writer {
namespace {

// An event is its id: one that was told again at another time (its run was taken over, and both holders saw
// the change through) is not another. The primary key cannot say so, since it must contain the partition's
// column. A run lives a week, so nothing repeats later than that. A scalar subquery, so that it stays one
// index look-up an event, whatever the planner thinks of the table. In the order of the key: two writers with
// the same events (on two partitions) wait for each other, but never in a circle.
constexpr const char* insert = R"(
    INSERT INTO audit.events (event_id, occurred_at, tenant_id, organization_id, group_id, run_id, actor, action,
                              member_object_id, graph_request_id, detail, actor_salt, subject_salt, chain, seal,
                              recorded_at)
    SELECT u.*, $16::timestamptz
      FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[],
                  $8::text[], $9::uuid[], $10::text[], $11::jsonb[], $12::uuid[], $13::uuid[], $14::int[],
                  $15::bigint[]) AS u(event_id, occurred_at)
     WHERE (SELECT e.event_id FROM audit.events e
             WHERE e.event_id = u.event_id AND e.occurred_at > u.occurred_at - interval '8 days'
               AND e.occurred_at < u.occurred_at + interval '8 days' LIMIT 1) IS NULL
        ON CONFLICT DO NOTHING RETURNING event_id)";

struct Head {
  audit::Chain chain;
  Reached reached;
  std::string root;
};

/// An event on its way into the table: the row as it will stand, and the seal that will cover it.
struct NewRow {
  audit::Content content;
  WallTime occurred_at;
  std::size_t seal;  // which of the batch's
};

/// What one partition brings: its seal, not yet closed.
struct Open {
  audit::Chain chain;
  audit::Seal seal;
  std::vector<audit::Entry> entries;
};

std::int64_t micros(WallTime time) {
  return std::int64_t{time.time_since_epoch().count()} * 1000;
}

std::string new_salt() {
  std::string salt = crypto::random_hex(16);
  for (const std::size_t at : {8UL, 13UL, 18UL, 23UL})
    salt.insert(at, 1, '-');
  return salt;
}

template <class Items, class Read>
postgres::Value column(const Items& items, Read read) {
  std::vector<postgres::Value> values;
  values.reserve(items.size());
  for (const auto& item : items)
    values.push_back(read(item));
  return postgres::array(values);
}

/// Takes the heads' locks, in one order everywhere: from here on nobody else writes to these chains.
std::map<kafka::TopicPartition, Head> lock_heads(postgres::Transaction& transaction, const Slices& slices) {
  const auto topics = column(slices, [](const auto& slice) { return postgres::value(slice.first.first); });
  const auto partitions =
      column(slices, [](const auto& slice) { return postgres::value(slice.first.second); });
  const auto lock = [&] {
    std::map<kafka::TopicPartition, Head> heads;
    for (const auto& row : transaction.query(
             "SELECT chain, topic, partition, generation, number, next_offset, root FROM audit.chains WHERE "
             "(topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[])) ORDER BY chain FOR UPDATE",
             {topics, partitions}))
      heads[{row.text(1), static_cast<std::int32_t>(row.number(2))}] = {
          {row.number(0), row.text(1), row.number(2)},
          {row.number(3), row.number(4), row.number(5)},
          postgres::bytes_of(row, 6)};
    return heads;
  };
  auto heads = lock();
  if (heads.size() == slices.size()) return heads;
  transaction.execute(
      "INSERT INTO audit.chains (topic, partition) SELECT * FROM unnest($1::text[], $2::int[]) ON CONFLICT "
      "DO "
      "NOTHING",
      {topics, partitions});
  return lock();
}

/// Whether every event of the slice that lies before the chain's end stands already.
bool known_before(postgres::Transaction& transaction, const Head& head, const Slice& slice) {
  std::vector<Event> before;
  for (const Event& event : slice.events)
    if (event.offset < head.reached.next_offset) before.push_back(event);
  if (before.empty()) return true;
  return transaction
      .query(
          "SELECT coalesce(bool_and(EXISTS (SELECT FROM audit.events e WHERE e.event_id = u.event_id AND "
          "e.occurred_at > u.occurred_at - interval '8 days' AND e.occurred_at < u.occurred_at + interval '8 "
          "days')), true) FROM unnest($1::uuid[], $2::timestamptz[]) AS u(event_id, occurred_at)",
          {column(before, [](const Event& event) { return postgres::value(event.event_id); }),
           column(before, [](const Event& event) { return postgres::value(event.occurred_at); })})
      .at(0)
      .flag(0);
}

NewRow new_row(const Event& event, std::size_t seal, WallTime now) {
  audit::Content row;
  row.event_id = Uuid::parse(event.event_id).value_or(Uuid{});
  row.occurred_at = micros(event.occurred_at);
  row.recorded_at = micros(now);
  row.tenant_id = event.tenant_id;
  row.organization_id = event.organization_id;
  row.group_id = event.group_id;
  row.run_id = event.run_id;
  row.action = event.action;
  row.graph_request_id = event.graph_request_id;
  row.actor = event.actor;
  row.member_object_id = event.member_object_id;
  row.detail = event.detail;
  // "<tid>/<oid>" is a person or an application; "cli" and "schedule:…" are not.
  if (event.actor.find('/') != std::string::npos) row.actor_salt = new_salt();
  if (event.member_object_id || event.detail != "{}") row.subject_salt = new_salt();
  return {std::move(row), event.occurred_at, seal};
}

/// The detail as jsonb writes it is what is sealed, and only PostgreSQL knows it. Most events have none.
void normalize_details(postgres::Transaction& transaction, std::vector<NewRow>& rows) {
  std::vector<NewRow*> detailed;
  for (NewRow& row : rows)
    if (row.content.detail != "{}") detailed.push_back(&row);
  if (detailed.empty()) return;
  const auto texts = transaction.query(
      "SELECT u.d::text FROM unnest($1::jsonb[]) WITH ORDINALITY AS u(d, n) ORDER BY u.n",
      {column(detailed, [](const NewRow* row) { return postgres::value(row->content.detail); })});
  for (std::size_t i = 0; i < detailed.size(); ++i)
    detailed[i]->content.detail = texts.at(i).text(0);
}

/// The ids of those that were not there yet.
std::unordered_set<Uuid> insert_rows(postgres::Transaction& transaction, const std::vector<NewRow>& rows,
                                     const std::vector<Open>& open, WallTime now) {
  using audit::Content;
  const auto of = [&](auto Content::*member) {
    return column(rows, [member](const NewRow& row) { return postgres::Value{row.content.*member}; });
  };
  std::unordered_set<Uuid> written;
  for (const auto& row : transaction.query(
           insert,
           {column(rows, [](const NewRow& one) { return postgres::value(one.content.event_id); }),
            column(rows, [](const NewRow& one) { return postgres::value(one.occurred_at); }),
            of(&Content::tenant_id), of(&Content::organization_id), of(&Content::group_id),
            of(&Content::run_id), of(&Content::actor), of(&Content::action), of(&Content::member_object_id),
            of(&Content::graph_request_id), of(&Content::detail), of(&Content::actor_salt),
            of(&Content::subject_salt),
            column(rows, [&](const NewRow& one) { return postgres::value(open[one.seal].seal.chain); }),
            column(rows, [&](const NewRow& one) { return postgres::value(open[one.seal].seal.number); }),
            postgres::value(now)}))
    written.insert(row.uuid(0));
  return written;
}

void store_seals(postgres::Transaction& transaction, const std::vector<Open>& open, WallTime now) {
  using audit::Seal;
  const auto of = [&](auto Seal::*member) {
    return column(open, [member](const Open& one) { return postgres::value(one.seal.*member); });
  };
  const auto bytes = [&](std::string Seal::*member) {
    return column(open, [member](const Open& one) { return postgres::bytea(one.seal.*member); });
  };
  transaction.execute(
      "INSERT INTO audit.seals (chain, number, generation, first_offset, next_offset, events, previous, "
      "root, "
      "manifest, sealed_at) SELECT u.*, $10::timestamptz FROM unnest($1::int[], $2::bigint[], $3::bigint[], "
      "$4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[], $9::bytea[]) AS u",
      {of(&Seal::chain), of(&Seal::number), of(&Seal::generation), of(&Seal::first_offset),
       of(&Seal::next_offset), of(&Seal::events), bytes(&Seal::previous), bytes(&Seal::root),
       bytes(&Seal::manifest), postgres::value(now)});
  transaction.execute(
      "UPDATE audit.chains c SET number = u.number, generation = u.generation, next_offset = u.next_offset, "
      "root = u.root FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) AS "
      "u(chain, "
      "number, generation, next_offset, root) WHERE c.chain = u.chain",
      {of(&Seal::chain), of(&Seal::number), of(&Seal::generation), of(&Seal::next_offset),
       bytes(&Seal::root)});
}

Written write_in(postgres::Transaction& transaction, const Slices& slices, WallTime now) {
  const auto heads = lock_heads(transaction, slices);
  std::vector<Open> open;
  std::vector<NewRow> rows;
  std::unordered_set<std::string> seen;
  Written written;
  for (const auto& [where, slice] : slices) {
    const Head& head = heads.at(where);
    const bool known = !overlaps(head.reached, slice.span) || known_before(transaction, head, slice);
    const auto reach = reach_of(head.reached, slice.span, known);
    written.duplicates += slice.events.size();  // those that are written are taken off below
    if (!reach) continue;
    audit::Seal seal;
    seal.chain = head.chain.chain;
    seal.number = head.reached.seals + 1;
    seal.generation = reach->generation;
    seal.first_offset = reach->span.first;
    seal.next_offset = reach->span.next;
    seal.sealed_at = micros(now);
    seal.previous = head.root;
    for (const Event& event : slice.events)
      if (event.offset >= reach->span.first && seen.insert(event.event_id).second)
        rows.push_back(new_row(event, open.size(), now));
    open.push_back({head.chain, std::move(seal), {}});
  }
  if (open.empty()) return written;
  std::ranges::sort(rows, {}, [](const NewRow& row) { return row.content.event_id; });
  normalize_details(transaction, rows);
  if (!rows.empty()) {
    const auto fresh = insert_rows(transaction, rows, open, now);
    for (const NewRow& row : rows) {
      if (!fresh.contains(row.content.event_id)) continue;
      open[row.seal].entries.push_back(
          {row.content.event_id, audit::month_of(row.content.occurred_at), audit::content_hash(row.content)});
    }
    written.events = fresh.size();
    written.duplicates -= fresh.size();
  }
  for (Open& one : open) {
    one.seal.events = static_cast<std::int64_t>(one.entries.size());
    one.seal.manifest = audit::write_manifest(std::move(one.entries));
    one.seal.root = audit::root_of(one.chain, one.seal);
  }
  store_seals(transaction, open, now);
  for (Open& one : open) {
    one.seal.manifest.clear();
    written.seals.emplace_back(std::move(one.chain), std::move(one.seal));
  }
  return written;
}

}  // namespace

void EventsTable::ensure_month(const std::string& month) {
  if (months_.contains(month)) return;
  // In a transaction of its own: creating a partition locks the whole table, which must not last as long as
  // an insert.
  database_.query("SELECT audit.ensure_partition($1::date)", {postgres::value(month)});
  months_.insert(month);
}

void EventsTable::ensure_partitions(const Slices& slices) {
  for (const auto& [where, slice] : slices)
    for (const Event& event : slice.events)
      ensure_month(month_of(event.occurred_at));
}

Written EventsTable::write(const Slices& slices, WallTime now) {
  if (slices.empty()) return {};
  try {
    ensure_partitions(slices);
    return database_.transact(
        [&](postgres::Transaction& transaction) { return write_in(transaction, slices, now); });
  } catch (const Error&) {
    months_.clear();  // a partition may have been dropped meanwhile
    throw;
  }
}

}  // namespace rollcall::audit_writer
