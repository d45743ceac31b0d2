#include "workers/audit_writer/adapters/events_table.h"

#include "common/audit/content.h"
#include "common/crypto/crypto.h"
#include "common/postgres/bytea.h"
#include "common/postgres/copy.h"

#include <algorithm>
#include <unordered_set>

namespace rollcall::audit_writer {
namespace {

// An event is its id: one that was told again at another time (its run was taken over, and both holders saw
// the change through) is not another. The primary key cannot say so, since it must contain the partition's
// column. A run lives a week, so nothing repeats later than that.
constexpr const char* select_known =
    "SELECT event_id FROM audit.events WHERE event_id = ANY($1::uuid[]) AND occurred_at > $2::timestamptz - "
    "interval '8 days' AND occurred_at < $3::timestamptz + interval '8 days'";

// In the order in which row_of() gives them.
const std::vector<std::string> event_columns = {"event_id",
                                                "occurred_at",
                                                "tenant_id",
                                                "organization_id",
                                                "group_id",
                                                "run_id",
                                                "actor",
                                                "action",
                                                "member_object_id",
                                                "graph_request_id",
                                                "detail",
                                                "actor_salt",
                                                "subject_salt",
                                                "chain",
                                                "seal",
                                                "recorded_at"};

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
      "INSERT INTO audit.chains (topic, partition) SELECT * FROM unnest($1::text[], $2::int[]) "
      "ON CONFLICT DO NOTHING",
      {topics, partitions});
  return lock();
}

/// Which of these events stand already.
std::unordered_set<std::string> known_of(postgres::Transaction& transaction, const Slices& slices) {
  std::vector<std::string> ids;
  WallTime first = WallTime::max(), last = WallTime::min();
  for (const auto& [where, slice] : slices) {
    for (const Event& event : slice.events) {
      ids.push_back(event.event_id);
      first = std::min(first, event.occurred_at);
      last = std::max(last, event.occurred_at);
    }
  }
  std::unordered_set<std::string> known;
  if (ids.empty()) return known;
  std::ranges::sort(ids);
  for (const auto& row :
       transaction.query(select_known, {postgres::array(ids), postgres::value(first), postgres::value(last)}))
    known.insert(row.text(0));
  return known;
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

std::vector<postgres::Value> row_of(const NewRow& row, const audit::Seal& seal, const postgres::Value& now) {
  const audit::Content& event = row.content;
  return {postgres::value(event.event_id),
          postgres::value(row.occurred_at),
          event.tenant_id,
          event.organization_id,
          event.group_id,
          event.run_id,
          event.actor,
          event.action,
          event.member_object_id,
          event.graph_request_id,
          event.detail,
          event.actor_salt,
          event.subject_salt,
          postgres::value(seal.chain),
          postgres::value(seal.number),
          now};
}

// What was known by then is left out, and whoever else writes these partitions waits for the heads. Only an
// event that stands on two partitions at once can still collide: then the batch fails, and finds it known the
// next time. In the order of the key, so that such two wait for each other, but never in a circle.
void insert_rows(postgres::Transaction& transaction, const std::vector<NewRow>& rows,
                 const std::vector<Open>& open, WallTime now) {
  const auto at = postgres::value(now);
  std::vector<std::vector<postgres::Value>> values;
  values.reserve(rows.size());
  for (const NewRow& row : rows)
    values.push_back(row_of(row, open[row.seal].seal, at));
  postgres::copy_in(transaction, "audit.events", event_columns, values);
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
  auto known = known_of(transaction, slices);
  Written written;
  for (const auto& [where, slice] : slices) {
    const Head& head = heads.at(where);
    const bool known_before = std::ranges::all_of(slice.events, [&](const Event& event) {
      return event.offset >= head.reached.next_offset || known.contains(event.event_id);
    });
    const auto reach = reach_of(head.reached, slice.span, known_before);
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
      if (event.offset >= reach->span.first && known.insert(event.event_id).second)
        rows.push_back(new_row(event, open.size(), now));
    open.push_back({head.chain, std::move(seal), {}});
  }
  if (open.empty()) return written;
  std::ranges::sort(rows, {}, [](const NewRow& row) { return row.content.event_id; });
  normalize_details(transaction, rows);
  if (!rows.empty()) {
    insert_rows(transaction, rows, open, now);
    for (const NewRow& row : rows)
      open[row.seal].entries.push_back(
          {row.content.event_id, audit::month_of(row.content.occurred_at), audit::content_hash(row.content)});
    written.events = rows.size();
    written.duplicates -= rows.size();
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
