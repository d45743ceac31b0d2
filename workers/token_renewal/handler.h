#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/vault/renewal.h"
#include "common/worker/handler.h"
#include "workers/token_renewal/grants.h"
#include "workers/token_renewal/subscriptions.h"

#include <chrono>
#include <optional>
#include <stop_token>
#include <vector>

namespace rollcall::token_renewal {

struct HandlerOptions {
  bool enabled = true;  ///< MS_AUTH_ENABLED
  /// Longest wait for quota inside a run; beyond it the run is parked and its lane freed.
  std::chrono::milliseconds patience{30'000};
  GrantOptions grants = {};
  SubscriptionOptions subscriptions = {};  ///< tenant_id: the configured one
};

/// renew-grants and renew-subscriptions. Safe from several lanes.
class Handler final : public worker::Handler {
 public:
  /// `renewer`: null where there are no keys, so that nothing that people granted can be read.
  Handler(postgres::Database& database, graph::Client& client, vault::Renewer* renewer, const Clock& clock,
          metrics::Registry& metrics, HandlerOptions options);
  worker::Outcome handle(const worker::Run& run, worker::RunContext& context) override;
  /// A tick is one run, or none where there is nothing to see to.
  std::vector<Json> expand(const Json& tick, const std::stop_token& stop) override;

 private:
  worker::Outcome renew_grants(const worker::Run& run, worker::RunContext& context);
  worker::Outcome renew_subscriptions(const worker::Run& run, worker::RunContext& context);

  const Clock& clock_;
  HandlerOptions options_;
  std::optional<Grants> grants_;
  Subscriptions subscriptions_;
};

}  // namespace rollcall::token_renewal
