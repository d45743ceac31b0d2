#include "workers/front/adapters/hook_store.h"

#include "common/crypto/crypto.h"
#include "common/runs/debounce.h"

namespace rollcall::front {
namespace {

constexpr const char* hurry = "SET LOCAL statement_timeout = '2s'";

void keep_lifecycles(postgres::Transaction& transaction, const std::string& tenant_id,
                     const std::vector<Notification>& lifecycles) {
  std::vector<Uuid> subscriptions;
  std::vector<std::string> events;
  std::vector<postgres::Value> expirations;
  for (const auto& one : lifecycles) {
    subscriptions.push_back(one.subscription.value_or(Uuid{}));
    events.push_back(lifecycle_name(one.kind));
    expirations.push_back(one.expires_at ? postgres::value(*one.expires_at) : postgres::Value());
  }
  transaction.execute(
      "INSERT INTO sync.subscription_notices AS n (subscription_id, event, tenant_id, expires_at)"
      " SELECT DISTINCT ON (subscription, event) subscription, event, $1, expires FROM unnest($2::uuid[], "
      "$3::text[], $4::timestamptz[]) AS u(subscription, event, expires) ORDER BY subscription, event"
      " ON CONFLICT (subscription_id, event) DO UPDATE SET received_at = now(), expires_at = "
      "coalesce(excluded.expires_at, n.expires_at)",
      {postgres::value(tenant_id), postgres::array(subscriptions), postgres::array(events),
       postgres::array(expirations)});
}

}  // namespace

Stored store_noticed(postgres::Database& database, const std::string& tenant_id, const Noticed& noticed,
                     std::chrono::milliseconds debounce) {
  if (noticed.groups.empty() && noticed.lifecycles.empty())
    return {};  // what strangers send costs no connection
  return database.transact([&](postgres::Transaction& transaction) {
    Stored stored;
    transaction.execute(hurry);
    if (!noticed.lifecycles.empty()) keep_lifecycles(transaction, tenant_id, noticed.lifecycles);
    if (noticed.groups.empty()) return stored;
    std::vector<runs::NewRun> runs;
    for (const auto& row :
         transaction.query("SELECT id FROM directory.organizations WHERE tenant_id = $1 AND "
                           "microsoft_group = ANY($2::uuid[])",
                           {postgres::value(tenant_id), postgres::array(noticed.groups)}))
      runs.push_back({crypto::new_uuid(), tenant_id, "member-sync", "sync-members", "graph-notification",
                      row.uuid(0), Json::object(), false});
    stored.known_groups = static_cast<long>(runs.size());
    stored.runs = runs::enqueue_debounced(transaction, runs, debounce);
    return stored;
  });
}

}  // namespace rollcall::front
