#pragma once
#include "common/accounting/accounting.h"
#include "common/config/settings.h"
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/worker/handler.h"
#include "workers/token_renewal/adapters/subscription_store.h"
#include "workers/token_renewal/core/refusal.h"
#include "workers/token_renewal/core/subscriptions.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::token_renewal {

struct SubscriptionOptions {
  std::string tenant_id;
  std::string hook_url = {};  ///< where Graph is to send notifications; empty: no subscription is wanted
  config::Secret client_state = {};  ///< likewise
  std::chrono::milliseconds lifetime{std::chrono::hours{24 * 28}};
};

/// One run on its way.
struct Job {
  const worker::Run& run;
  accounting::Accounting& account;
  graph::CallContext call;
};

/// Keeps the tenant's one subscription to groups, and acts on what Graph tells of it. Safe from several lanes
/// and processes: one run at a time has the turn.
class Subscriptions {
 public:
  Subscriptions(postgres::Database& database, graph::Client& client, const Clock& clock,
                metrics::Registry& metrics, SubscriptionOptions options);

  /// Whether there is anything to see to.
  bool anything_to_do();
  worker::Outcome renew(Job& job);

 private:
  struct Done;
  worker::Outcome carry_out(Job& job);
  std::optional<Refusal> remove(Job& job, const std::vector<Uuid>& ids, Done& done);
  std::optional<Refusal> renew_kept(Job& job, Plan& plan, Done& done);
  std::optional<Refusal> create(Job& job, Plan& plan, Done& done);
  std::optional<Refusal> after_conflict(Job& job, Plan& plan, Done& done, const graph::Response& conflict);
  void store_made(Job& job, Plan& plan, const Listed& made, Done& done, const char* how);
  worker::Outcome failing(Job& job, const Refusal& refusal);
  void count(const char* change);
  void show_expiry(const std::optional<WallTime>& expires_at);

  postgres::Database& database_;
  graph::Client& client_;
  const Clock& clock_;
  metrics::Registry& metrics_;
  SubscriptionOptions options_;
  std::optional<Wanted> wanted_;
};

}  // namespace rollcall::token_renewal
