#include "workers/front/adapters/audit_store.h"

#include "common/audit/event_document.h"

#include <algorithm>
#include <array>

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;
using postgres::value;

postgres::Value optional_time(const std::optional<WallTime>& time) {
  return time ? value(*time) : postgres::Value();
}
postgres::Value optional_text(const std::string& text) {
  return text.empty() ? postgres::Value() : value(text);
}

const std::string select_events =
    "SELECT " + audit::event_columns("e") +
    ", to_char(e.occurred_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM audit.events e WHERE " +
    seen_condition("e.organization_id", "e.tenant_id", 1) +
    " AND ($4::uuid IS NULL OR e.organization_id = $4::uuid) AND ($5::uuid IS NULL OR e.run_id = $5::uuid)"
    " AND ($6::uuid IS NULL OR e.member_object_id = $6::uuid) AND ($7::text IS NULL OR e.action = $7)"
    " AND ($8::text IS NULL OR e.actor = $8) AND ($9::timestamptz IS NULL OR e.occurred_at >= "
    "$9::timestamptz)"
    " AND ($10::timestamptz IS NULL OR e.occurred_at < $10::timestamptz)";

std::vector<postgres::Value> values_of(const Sight& sight, const AuditFilter& filter) {
  auto values = seen_values(sight);
  for (auto one :
       {value(filter.organization), value(filter.run), value(filter.member), optional_text(filter.action),
        optional_text(filter.actor), optional_time(filter.since), optional_time(filter.until)})
    values.push_back(std::move(one));
  return values;
}

Position position_of(const postgres::Row& row) {
  return {row.text(11), row.text(0)};
}

postgres::Value part(const Position& position, std::size_t i) {
  return position.empty() ? postgres::Value() : value(position.at(i));
}

/// How far back a page is looked for, ever further until it is full. The last has no end.
constexpr std::array<std::chrono::milliseconds, 4> windows{1h, 24h, 24h * 30, 0ms};

/// No clock is further ahead than this.
constexpr auto ahead_max = 24h;
constexpr std::chrono::milliseconds window_min = 1s, window_max = 24h * 400;

/// From here on there may be events: the start of the oldest month that is kept.
WallTime oldest(postgres::Database& database) {
  const auto rows = database.query(
      "SELECT min(to_date(substring(c.relname FROM '^events_(\\d{4}_\\d{2})$'), 'YYYY_MM'))::text "
      "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = "
      "'audit.events'::regclass");
  const auto month = rows.empty() ? std::nullopt : parse_rfc3339(rows[0].text(0) + "T00:00:00Z");
  return month.value_or(WallTime::max());
}

}  // namespace

Page list_audit(postgres::Database& database, const Sight& sight, const AuditFilter& filter,
                const Position& position, long limit, WallTime now) {
  const WallTime anchor =
      position.empty() ? filter.until.value_or(now) : parse_rfc3339(position.at(0)).value_or(now);
  postgres::Rows rows;
  for (const auto window : windows) {
    auto values = values_of(sight, filter);
    values.push_back(part(position, 0));
    values.push_back(part(position, 1));
    values.push_back(window == 0ms ? postgres::Value() : value(anchor - window));
    values.push_back(value(limit + 1));
    rows = database.query(select_events +
                              " AND ($11::timestamptz IS NULL OR (e.occurred_at <= $11::timestamptz AND "
                              "(e.occurred_at, e.event_id) < ($11::timestamptz, $12::uuid)))"
                              " AND ($13::timestamptz IS NULL OR e.occurred_at >= $13::timestamptz)"
                              " ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT $14::bigint",
                          values);
    if (rows.size() > static_cast<std::size_t>(limit)) break;
    if (filter.since && window != 0ms && anchor - window <= *filter.since) break;
  }
  Page page;
  for (const auto& row : rows) {
    if (page.items.size() == static_cast<std::size_t>(limit)) {
      page.next = position_of(rows[page.items.size() - 1]);
      break;
    }
    page.items.push_back(audit::event_document(row));
  }
  return page;
}

AuditExport::AuditExport(postgres::Database& database, Sight sight, AuditFilter filter, WallTime now)
    : database_(database),
      sight_(std::move(sight)),
      filter_(std::move(filter)),
      from_(filter_.since ? *filter_.since : oldest(database)),
      end_(filter_.until.value_or(now + ahead_max)),
      window_(24h) {}

postgres::Rows AuditExport::read(WallTime to, long most) {
  auto values = values_of(sight_, filter_);
  values.push_back(value(from_));
  values.push_back(value(to));
  values.push_back(part(last_, 0));
  values.push_back(part(last_, 1));
  values.push_back(value(most));
  return database_.query(select_events +
                             " AND e.occurred_at >= $11::timestamptz AND e.occurred_at < $12::timestamptz"
                             " AND ($13::timestamptz IS NULL OR (e.occurred_at, e.event_id) > "
                             "($13::timestamptz, $14::uuid))"
                             " ORDER BY e.occurred_at, e.event_id LIMIT $15::bigint",
                         values);
}

std::string AuditExport::next(long most) {
  std::string lines;
  while (lines.empty() && from_ < end_) {
    const WallTime to = std::min(from_ + window_, end_);
    const auto rows = read(to, most);
    for (const auto& row : rows)
      lines += dump(audit::event_document(row)) + '\n';
    events_ += static_cast<long>(rows.size());
    if (rows.size() == static_cast<std::size_t>(most)) {
      // Full: what comes next lies as close together.
      last_ = position_of(rows.back());
      const WallTime reached = parse_rfc3339(last_.at(0)).value_or(from_);
      window_ = std::clamp<std::chrono::milliseconds>(4 * (reached - from_), window_min, window_max);
      from_ = reached;
    } else {
      last_.clear();
      from_ = to;
      window_ = std::min(4 * window_, window_max);
    }
  }
  return lines;
}

}  // namespace rollcall::front
