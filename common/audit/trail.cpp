#include "common/audit/trail.h"

#include "common/audit/by_hand.h"
#include "common/audit/expected.h"
#include "common/postgres/bytea.h"

#include <algorithm>

namespace rollcall::audit {
namespace {

const std::string micros_of_events =
    "(extract(epoch FROM e.occurred_at) * 1000000)::bigint, "
    "(extract(epoch FROM e.recorded_at) * 1000000)::bigint";

/// By chain and seal, what belongs to none first; a chain that is not among $1 belongs to none either.
const std::string select_rows =
    "SELECT e.event_id, " + micros_of_events +
    ", e.tenant_id, e.organization_id, e.group_id, e.run_id, e.action, e.graph_request_id, e.actor, "
    "e.actor_salt, e.actor_commitment, e.actor_erasure, e.member_object_id, e.detail, e.subject_salt, "
    "e.subject_commitment, e.subject_erasure, e.chain, e.seal FROM audit.events e "
    "LEFT JOIN unnest($1::bigint[], $2::bigint[]) AS f(chain, first) ON f.chain = e.chain "
    "WHERE e.recorded_at >= $3::timestamptz AND (f.chain IS NULL OR e.seal IS NULL OR e.seal >= f.first) "
    "ORDER BY e.chain NULLS FIRST, e.seal NULLS FIRST, e.event_id";

constexpr const char* seal_columns =
    "chain, number, generation, first_offset, next_offset, events, "
    "(extract(epoch FROM sealed_at) * 1000000)::bigint, previous, root, manifest";

/// So many manifests are held at once.
constexpr long seals_page = 20;

Text text_of(const postgres::Row& row, std::size_t i) {
  return row.columns[i];
}
Text optional_bytes(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? Text() : Text(postgres::bytes_of(row, i));
}

Content content_of(const postgres::Row& row) {
  return {row.uuid(0),      row.number(1),           row.number(2),    row.text(3),      text_of(row, 4),
          text_of(row, 5),  text_of(row, 6),         row.text(7),      text_of(row, 8),  row.text(9),
          text_of(row, 10), optional_bytes(row, 11), text_of(row, 12), text_of(row, 13), row.text(14),
          text_of(row, 15), optional_bytes(row, 16), text_of(row, 17)};
}

Seal seal_of(const postgres::Row& row) {
  return {row.number(0),
          row.number(1),
          row.number(2),
          row.number(3),
          row.number(4),
          row.number(5),
          row.number(6),
          postgres::bytes_of(row, 7),
          postgres::bytes_of(row, 9),
          postgres::bytes_of(row, 8)};
}

/// All seals that are to be looked at, in order, a page at a time.
class Seals {
 public:
  Seals(postgres::Transaction& transaction, const std::map<std::int64_t, std::int64_t>& from)
      : transaction_(transaction), left_(from.begin(), from.end()) {
    std::ranges::reverse(left_);
  }
  const Seal* peek() {
    while (page_.empty() && !left_.empty()) {
      auto& [chain, first] = left_.back();
      for (const auto& row : transaction_.query(
               std::string("SELECT ") + seal_columns +
                   " FROM audit.seals WHERE chain = $1 AND number >= $2 ORDER BY number LIMIT $3::bigint",
               {postgres::value(chain), postgres::value(first), postgres::value(seals_page)}))
        page_.push_back(seal_of(row));
      if (page_.empty()) {
        left_.pop_back();
      } else {
        first = page_.back().number + 1;
        std::ranges::reverse(page_);
      }
    }
    return page_.empty() ? nullptr : &page_.back();
  }
  Seal take() {
    Seal seal = std::move(page_.back());
    page_.pop_back();
    return seal;
  }

 private:
  postgres::Transaction& transaction_;
  std::vector<std::pair<std::int64_t, std::int64_t>> left_;  // the next at the back
  std::vector<Seal> page_;
};

/// Where to begin with each chain that has a head or a seal.
std::map<std::int64_t, std::int64_t> beginnings(postgres::Transaction& transaction,
                                                const std::optional<WallTime>& since) {
  std::map<std::int64_t, std::int64_t> from;
  for (const auto& row : transaction.query(
           "SELECT c.chain, CASE WHEN $1::timestamptz IS NULL THEN 1 ELSE coalesce((SELECT min(s.number) "
           "FROM audit.seals s WHERE s.chain = c.chain AND s.sealed_at >= $1::timestamptz), (SELECT "
           "max(s.number) "
           "+ 1 FROM audit.seals s WHERE s.chain = c.chain), 1) END FROM (SELECT chain FROM audit.chains "
           "UNION SELECT DISTINCT chain FROM audit.seals) c",
           {since ? postgres::value(*since) : postgres::Value()}))
    from[row.number(0)] = row.number(1);
  return from;
}

/// Before this no row of the seals looked at was written. What was adopted is older than its seals.
postgres::Value rows_since(postgres::Transaction& transaction, const std::optional<WallTime>& since,
                           const std::vector<long>& chains, const std::vector<long>& first) {
  if (!since) return "-infinity";
  const auto rows = transaction.query(
      "SELECT CASE WHEN bool_or(s.chain = 0) THEN '-infinity' ELSE coalesce(min(s.sealed_at), 'infinity') "
      "END FROM audit.seals s JOIN unnest($1::bigint[], $2::bigint[]) AS f(chain, first) ON s.chain = "
      "f.chain "
      "AND s.number >= f.first",
      {postgres::array(chains), postgres::array(first)});
  return rows.at(0).columns.at(0);
}

void read_records(postgres::Transaction& transaction, Knowledge& known) {
  for (const auto& row : transaction.query("SELECT (extract(year FROM month) * 12 + extract(month FROM "
                                           "month) - 1 - 1970 * 12)::bigint, events, "
                                           "month FROM audit.dropped_months"))
    known.dropped[static_cast<std::uint16_t>(row.number(0))] = {row.number(1), dropped_event_id(row.text(2))};
  for (const auto& row : transaction.query("SELECT erasure_id, parts FROM audit.erasures"))
    known.erasures[row.text(0)] = {row.number(1), erasure_event_id(row.uuid(0), row.number(1))};
  known.on_their_way = in_outbox(transaction);
}

}  // namespace

std::string trail_id(postgres::Transaction& transaction) {
  const auto rows = transaction.query("SELECT trail_id FROM audit.trail");
  return rows.empty() ? std::string() : rows[0].text(0);
}

std::vector<Head> heads(postgres::Transaction& transaction) {
  std::vector<Head> all;
  for (const auto& row : transaction.query(
           "SELECT chain, topic, partition, number, root, next_offset FROM audit.chains ORDER BY chain"))
    all.push_back({{row.number(0), row.text(1), row.number(2)},
                   row.number(3),
                   postgres::bytes_of(row, 4),
                   row.number(5)});
  return all;
}

std::optional<Seal> last_seal(postgres::Transaction& transaction, const Head& head) {
  const auto rows = transaction.query(
      std::string("SELECT ") + seal_columns + " FROM audit.seals WHERE chain = $1 AND number = $2",
      {postgres::value(head.chain.chain), postgres::value(head.number)});
  return rows.empty() ? std::nullopt : std::optional(seal_of(rows[0]));
}

Tally verify(postgres::Database& database, const std::optional<Roots>& published,
             const std::optional<WallTime>& since, const std::function<void(const Finding&)>& report) {
  return database.transact([&](postgres::Transaction& transaction) {
    transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    transaction.execute("SET LOCAL work_mem = '64MB'");
    Knowledge known;
    known.heads = heads(transaction);
    read_records(transaction, known);
    if (published) known.published = *published;
    known.published_known = published.has_value();
    const auto from = beginnings(transaction, since);
    if (since) known.from = from;
    std::vector<long> chains, first;
    for (const auto& [chain, number] : from) {
      chains.push_back(chain);
      first.push_back(number);
    }
    Verifier verifier(std::move(known), report);
    Seals seals(transaction, from);
    std::optional<std::pair<std::int64_t, std::int64_t>> at;
    transaction.each(
        select_rows,
        {postgres::array(chains), postgres::array(first), rows_since(transaction, since, chains, first)},
        [&](const postgres::Row& row) {
          const Content content = content_of(row);
          if (row.is_null(18) || row.is_null(19)) return verifier.stray(content);
          const std::pair place{row.number(18), row.number(19)};
          while (const Seal* next = seals.peek()) {
            if (std::pair{next->chain, next->number} > place) break;
            at = {next->chain, next->number};
            verifier.seal(seals.take());
          }
          at == place ? verifier.row(content) : verifier.stray(content);
        });
    while (seals.peek())
      verifier.seal(seals.take());
    return verifier.finish();
  });
}

}  // namespace rollcall::audit
