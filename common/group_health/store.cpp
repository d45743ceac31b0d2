#include "common/group_health/store.h"

#include "common/core/reasons.h"
#include "common/group_health/findings.h"

#include <map>

namespace rollcall::group_health {
namespace {

using postgres::value;

/// SQL for a timestamp as milliseconds since 1970.
std::string epoch_of(const std::string& column) {
  return "floor(extract(epoch FROM " + column + ") * 1000)::bigint";
}

WallTime time_at(const postgres::Row& row, std::size_t i) {
  return WallTime{std::chrono::milliseconds{row.number(i)}};
}

std::optional<WallTime> optional_time(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::nullopt : std::optional(time_at(row, i));
}

Json or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json(nullptr);
}

/// Locked, in one order for all who store.
std::map<Uuid, Before> rows_before(postgres::Transaction& transaction,
                                   const std::vector<Uuid>& organizations) {
  std::map<Uuid, Before> before;
  for (const auto& row : transaction.query(
           "SELECT organization_id, group_id, state, reason FROM sync.group_health WHERE organization_id = "
           "ANY($1::uuid[]) ORDER BY organization_id FOR UPDATE",
           {postgres::array(organizations)}))
    before[row.uuid(0)] = {row.uuid(1), parse_state(row.text(2)).value_or(State::unreachable), row.text(3)};
  return before;
}

/// What was already so keeps its `since`; the first of the looks that found nothing keeps its time.
constexpr const char* save_sql = R"(
INSERT INTO sync.group_health AS h (organization_id, tenant_id, group_id, state, reason, message, missing_since,
    restorable_until, owners)
SELECT o.id, o.tenant_id, u.group_id, u.state, u.reason, u.message, CASE WHEN u.nowhere THEN now() END, u.until, u.owners
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[], $8::integer[])
    AS u(organization_id, group_id, state, reason, message, nowhere, until, owners)
JOIN directory.organizations o ON o.id = u.organization_id AND o.microsoft_group = u.group_id
ORDER BY o.id
ON CONFLICT (organization_id) DO UPDATE SET group_id = excluded.group_id, state = excluded.state,
    reason = excluded.reason, message = excluded.message, checked_at = excluded.checked_at,
    restorable_until = excluded.restorable_until, owners = excluded.owners,
    since = CASE WHEN (h.group_id, h.state, h.reason) = (excluded.group_id, excluded.state, excluded.reason)
        THEN h.since ELSE excluded.since END,
    missing_since = CASE WHEN h.group_id = excluded.group_id AND excluded.missing_since IS NOT NULL
        THEN coalesce(h.missing_since, excluded.missing_since) ELSE excluded.missing_since END
RETURNING organization_id, tenant_id)";

struct Columns {
  std::vector<Uuid> organizations, groups;
  std::vector<std::string> states, reasons, messages;
  std::vector<postgres::Value> nowhere, until, owners;

  explicit Columns(const std::vector<Checked>& checked) {
    for (const auto& [organization, group, verdict] : checked) {
      organizations.push_back(organization);
      groups.push_back(group);
      states.emplace_back(to_string(verdict.state));
      reasons.push_back(verdict.reason);
      messages.push_back(verdict.message);
      nowhere.push_back(value(verdict.nowhere));
      until.push_back(verdict.restorable_until ? value(*verdict.restorable_until) : postgres::Value{});
      owners.push_back(verdict.owners ? value(*verdict.owners) : postgres::Value{});
    }
  }
};

}  // namespace

std::optional<Health> find(postgres::Transaction& transaction, const Uuid& organization) {
  const auto rows = transaction.query("SELECT group_id, state, reason, message, owners, " +
                                          epoch_of("since") + ", " + epoch_of("checked_at") + ", " +
                                          epoch_of("missing_since") + ", " + epoch_of("restorable_until") +
                                          " FROM sync.group_health WHERE organization_id = $1::uuid",
                                      {value(organization)});
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  Health health;
  health.group = row.uuid(0);
  health.state = parse_state(row.text(1)).value_or(State::unreachable);
  health.reason = row.text(2);
  health.message = row.text(3);
  if (!row.is_null(4)) health.owners = row.number(4);
  health.since = time_at(row, 5);
  health.checked_at = time_at(row, 6);
  health.missing_since = optional_time(row, 7);
  health.restorable_until = optional_time(row, 8);
  return health;
}

Json to_json(const Health& health) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  return {{"group_id", health.group.to_string()},
          {"state", to_string(health.state)},
          {"reason", text_or_null(health.reason)},
          {"message", text_or_null(health.message)},
          {"cure", text_or_null(std::string(cure_for(health.reason)))},
          {"since", to_rfc3339(health.since)},
          {"checked_at", to_rfc3339(health.checked_at)},
          {"missing_since", or_null(health.missing_since)},
          {"restorable_until", or_null(health.restorable_until)},
          {"owners", health.owners ? Json(*health.owners) : Json(nullptr)}};
}

std::size_t save(postgres::Transaction& transaction, const std::vector<Checked>& checked) {
  const Columns columns(checked);
  const auto before = rows_before(transaction, columns.organizations);
  std::map<Uuid, const Checked*> by_organization;
  for (const Checked& one : checked)
    by_organization[one.organization] = &one;
  std::vector<Change> changes;
  for (const auto& row :
       transaction.query(save_sql, {postgres::array(columns.organizations), postgres::array(columns.groups),
                                    postgres::array(columns.states), postgres::array(columns.reasons),
                                    postgres::array(columns.messages), postgres::array(columns.nowhere),
                                    postgres::array(columns.until), postgres::array(columns.owners)})) {
    const Checked& stored = *by_organization.at(row.uuid(0));
    const auto known = before.find(stored.organization);
    changes.push_back({stored.organization, row.text(1),
                       known == before.end() ? std::nullopt : std::optional(known->second), stored.group,
                       &stored.verdict});
  }
  tell(transaction, changes);
  return changes.size();
}

AbsenceLimits load_absence_limits(config::Settings& settings) {
  AbsenceLimits limits;
  limits.share = static_cast<double>(settings.number(
                     "ROLLCALL_GROUP_GONE_PERCENT", static_cast<long>(limits.share * 100), 0, 100,
                     "no link to a group that is gone is removed while more of the linked groups are not "
                     "found")) /
                 100;
  return limits;
}

}  // namespace rollcall::group_health
