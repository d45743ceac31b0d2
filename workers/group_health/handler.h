#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/postgres/postgres.h"
#include "common/worker/handler.h"
#include "workers/group_health/checks.h"
#include "workers/group_health/relinking.h"

#include <chrono>
#include <stop_token>
#include <string>

namespace rollcall::group_health {

struct HandlerOptions {
  bool enabled = true;  ///< MS_AUTH_ENABLED
  /// Longest wait for quota inside a run; beyond it the run is parked and its lane freed.
  std::chrono::milliseconds patience{30'000};
  CheckOptions checks;  ///< tenant_id: the configured one
};

/// check-groups, of one organization or of all, and relink-group. Safe from several lanes.
class Handler final : public worker::Handler {
 public:
  Handler(postgres::Database& database, graph::Client& client, const Clock& clock, metrics::Registry& metrics,
          HandlerOptions options);
  worker::Outcome handle(const worker::Run& run, worker::RunContext& context) override;
  /// A tick is one run: over the organization that its parameters name, or over all.
  std::vector<Json> expand(const Json& tick, const std::stop_token& stop) override;

 private:
  worker::Outcome serve(Job& job);

  postgres::Database& database_;
  const Clock& clock_;
  HandlerOptions options_;
  Checks checks_;
  Relinking relinking_;
};

}  // namespace rollcall::group_health
