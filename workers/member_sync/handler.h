#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "common/postgres/postgres.h"
#include "common/worker/handler.h"
#include "workers/member_sync/adapters/applier.h"
#include "workers/member_sync/adapters/progress_store.h"
#include "workers/member_sync/adapters/store.h"
#include "workers/member_sync/report.h"
#include "workers/member_sync/sweep.h"

#include <chrono>
#include <stop_token>
#include <string>

namespace rollcall::member_sync {

struct HandlerOptions {
  std::string tenant_id;  ///< the configured one
  bool enabled = true;    ///< MS_AUTH_ENABLED
  /// So long after a write of ours, a listing that does not show it is not believed.
  std::chrono::milliseconds hold_off{60'000};
  /// A delta link could miss something for ever; a full read never does.
  std::chrono::milliseconds full_read_interval{std::chrono::hours{24}};
  /// Longest wait for quota inside a run; beyond it the run is parked and its lane freed.
  std::chrono::milliseconds patience{30'000};
  /// See SweepOptions::maybe_max.
  std::size_t sweep_maybe_max = 2'000;
};

/// Reconciles one organization per run: roster, group, plan, guards, changes, record. Safe from several
/// lanes.
class Handler final : public worker::Handler {
 public:
  Handler(postgres::Database& database, graph::Client& client, const Clock& clock, HandlerOptions options);
  worker::Outcome handle(const worker::Run& run, worker::RunContext& context) override;
  std::vector<Json> expand(const Json& tick, const std::stop_token& stop) override;

 private:
  struct Job;  // what one run carries along
  struct Facts;
  worker::Outcome start(Job& job);
  worker::Outcome resume(Job& job, StoredPlan stored);
  Facts gather(Job& job);
  Ids resolve_open(Job& job, Roster& roster, Findings& findings);
  std::optional<worker::Outcome> hold_back(Job& job, const Facts& facts, const std::string& digest,
                                           WallTime begun);
  bool record_reading(Job& job, const Facts& facts, const std::string& digest, WallTime begun);
  bool close_unfinished(postgres::Transaction& transaction, const Job& job, const Facts& facts,
                        WallTime begun) const;
  worker::Outcome behind(std::chrono::milliseconds wait) const;
  worker::Outcome carry_out(Job& job, const Plan& plan, const Findings& findings,
                            const std::vector<Settled>& finished, bool resumed);
  worker::Outcome finish(Job& job, const Plan& plan, const Findings& findings,
                         const std::vector<Settled>& settled);
  Json report(const Job& job, const Plan& plan, const Findings& findings,
              const std::vector<Settled>& settled) const;

  postgres::Database& database_;
  graph::Client& client_;
  const Clock& clock_;
  HandlerOptions options_;
  Store store_;
  Sweep sweep_;
};

}  // namespace rollcall::member_sync
