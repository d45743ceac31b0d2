#include "workers/token_renewal/adapters/subscription_store.h"

#include "common/findings/findings.h"
#include "common/postgres/columns.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rollcall::token_renewal {
namespace {

using postgres::value;
using Event = Notice::Event;

constexpr std::array events{std::pair{Event::reauthorize, "reauthorizationRequired"},
                            std::pair{Event::removed, "subscriptionRemoved"},
                            std::pair{Event::missed, "missed"}};

Event event_of(const std::string& name) {
  const auto* found = std::ranges::find_if(events, [&](const auto& one) { return name == one.second; });
  return found == events.end() ? Event::missed : found->first;
}
const char* name_of(Event event) {
  return std::ranges::find(events, event, &std::pair<Event, const char*>::first)->second;
}

std::string epoch_of(const std::string& column) {
  return "floor(extract(epoch FROM " + column + ") * 1000)::bigint";
}
WallTime time_at(const postgres::Row& row, std::size_t i) {
  return WallTime{std::chrono::milliseconds{row.number(i)}};
}

findings::Key finding_of(const std::string& tenant) {
  return {tenant, std::nullopt, "token_renewal.subscription_failing", resource};
}

void let_go(postgres::Transaction& transaction, const std::string& tenant, const Uuid& run) {
  transaction.execute("DELETE FROM sync.subscription_turns WHERE tenant_id = $1 AND run_id = $2::uuid",
                      {value(tenant), value(run)});
}

}  // namespace

Known load(postgres::Database& database, const std::string& tenant) {
  return database.transact([&](postgres::Transaction& transaction) {
    Known known;
    for (const auto& row : transaction.query(
             "SELECT state, subscription_id, notification_url, client_state_hash, " + epoch_of("renewed_at") +
                 " FROM sync.subscriptions WHERE tenant_id = $1 AND resource = $2 ORDER BY created_at",
             {value(tenant), value(resource)}))
      known.kept.push_back({row.text(0) == "creating" ? Kept::State::creating : Kept::State::active,
                            row.is_null(1) ? std::nullopt : std::optional(row.uuid(1)), row.text(2),
                            row.text(3), row.is_null(4) ? std::nullopt : std::optional(time_at(row, 4))});
    // Rounded up, so that store_settled() finds the row again.
    for (const auto& row : transaction.query(
             "SELECT subscription_id, event, ceil(extract(epoch FROM received_at) * 1000)::bigint FROM "
             "sync.subscription_notices WHERE tenant_id = $1",
             {value(tenant)}))
      known.notices.push_back({row.uuid(0), event_of(row.text(1)), time_at(row, 2)});
    return known;
  });
}

bool anything_known(postgres::Database& database, const std::string& tenant) {
  return database
      .query(
          "SELECT EXISTS (SELECT FROM sync.subscriptions WHERE tenant_id = $1) OR EXISTS (SELECT FROM "
          "sync.subscription_notices WHERE tenant_id = $1)",
          {value(tenant)})
      .at(0)
      .flag(0);
}

bool take_turn(postgres::Database& database, const std::string& tenant, const Uuid& run,
               std::chrono::seconds lease) {
  return database.execute(
             "INSERT INTO sync.subscription_turns AS t (tenant_id, run_id, until) VALUES ($1, $2::uuid, "
             "now() "
             "+ $3::bigint * interval '1 second') ON CONFLICT (tenant_id) DO UPDATE SET run_id = "
             "EXCLUDED.run_id, until = EXCLUDED.until WHERE t.run_id = EXCLUDED.run_id OR t.until <= now()",
             {value(tenant), value(run), value(static_cast<long>(lease.count()))}) == 1;
}

void store_creation(postgres::Transaction& transaction, const std::string& tenant, const Wanted& wanted) {
  transaction.execute(
      "INSERT INTO sync.subscriptions (tenant_id, resource, change_types, notification_url, "
      "client_state_hash, state) VALUES ($1, $2, $3, $4, $5, 'creating') ON CONFLICT (tenant_id, resource) "
      "WHERE state = 'creating' DO UPDATE SET change_types = EXCLUDED.change_types, notification_url = "
      "EXCLUDED.notification_url, client_state_hash = EXCLUDED.client_state_hash, created_at = now(), "
      "failure = NULL",
      {value(tenant), value(resource), value(change_types), value(wanted.url),
       value(wanted.client_state_hash)});
}

void store_created(postgres::Transaction& transaction, const std::string& tenant, const Listed& created) {
  transaction.execute(
      "UPDATE sync.subscriptions SET state = 'active', subscription_id = $3::uuid, expires_at = "
      "$4::timestamptz, renewed_at = now(), failure = NULL WHERE tenant_id = $1 AND resource = $2 AND state "
      "= 'creating'",
      {value(tenant), value(resource), value(created.id), value(created.expires_at)});
}

void store_renewed(postgres::Transaction& transaction, const Uuid& id, WallTime expires_at) {
  transaction.execute(
      "UPDATE sync.subscriptions SET expires_at = $2::timestamptz, renewed_at = now(), failure = NULL WHERE "
      "subscription_id = $1::uuid",
      {value(id), value(expires_at)});
}

void forget(postgres::Transaction& transaction, const std::vector<Uuid>& ids) {
  if (!ids.empty())
    transaction.execute("DELETE FROM sync.subscriptions WHERE subscription_id = ANY($1::uuid[])",
                        {postgres::array(ids)});
}

void store_settled(postgres::Transaction& transaction, const std::string& tenant, const Uuid& run,
                   const std::vector<Notice>& notices) {
  std::vector<Uuid> subscriptions;
  std::vector<std::string> names;
  std::vector<postgres::Value> times;
  for (const Notice& one : notices) {
    subscriptions.push_back(one.subscription);
    names.emplace_back(name_of(one.event));
    times.push_back(value(one.received_at));
  }
  // One that came again meanwhile is acted on again.
  transaction.execute(
      "DELETE FROM sync.subscription_notices n USING unnest($2::uuid[], $3::text[], $4::timestamptz[]) AS "
      "u(subscription, event, seen) WHERE n.tenant_id = $1 AND n.subscription_id = u.subscription AND "
      "n.event "
      "= u.event AND n.received_at <= u.seen",
      {value(tenant), postgres::array(subscriptions), postgres::array(names), postgres::array(times)});
  transaction.execute("DELETE FROM sync.subscriptions WHERE tenant_id = $1 AND state = 'creating'",
                      {value(tenant)});
  transaction.execute(
      "UPDATE sync.subscriptions SET failure = NULL WHERE tenant_id = $1 AND failure IS NOT NULL",
      {value(tenant)});
  findings::resolve(transaction, {finding_of(tenant)});
  let_go(transaction, tenant, run);
}

void store_failing(postgres::Transaction& transaction, const std::string& tenant, const Uuid& run,
                   const Refusal& refusal) {
  transaction.execute("UPDATE sync.subscriptions SET failure = $2 WHERE tenant_id = $1",
                      {value(tenant), value(refusal.code)});
  const auto rows =
      transaction.query("SELECT " + postgres::time_of("max(expires_at)") +
                            " FROM sync.subscriptions WHERE tenant_id = $1 AND state = 'active'",
                        {value(tenant)});
  const auto key = finding_of(tenant);
  findings::raise(
      transaction,
      {{.tenant_id = key.tenant_id,
        .organization_id = key.organization_id,
        .rule = key.rule,
        .subject = key.subject,
        .pillar = "reliability",
        .severity = "medium",
        .title = "Microsoft Graph does not tell of changed groups: its subscription fails",
        .evidence = {{"reason", refusal.code},
                     {"answer", refusal.why},
                     {"standing_until", postgres::or_null(rows.at(0), 0)}},
        .remedy = refusal.remedy + " Until then changes are noticed by the scheduled sweeps alone."}});
  let_go(transaction, tenant, run);
}

}  // namespace rollcall::token_renewal
