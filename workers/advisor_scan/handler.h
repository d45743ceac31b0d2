#pragma once
#include "common/core/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/worker/handler.h"
#include "workers/advisor_scan/adapters/gather.h"
#include "workers/advisor_scan/core/reconcile.h"

#include <string>
#include <vector>

namespace rollcall::advisor_scan {

inline constexpr const char* worker_name = "advisor-scan";
inline constexpr const char* scan_operation = "scan";

struct HandlerOptions {
  std::string tenant_id;  ///< the configured one
  std::string client_id;
  Limits limits = default_limits();
};

/// One scan per run: of an organization, or of the whole tenant where the run names none. Safe from several
/// lanes.
class Handler final : public worker::Handler {
 public:
  Handler(postgres::Database& database, std::vector<Reading> readings, const Clock& clock,
          metrics::Registry& metrics, HandlerOptions options);
  worker::Outcome handle(const worker::Run& run, worker::RunContext& context) override;
  /// One scan: of the organization that the schedule's parameters name, else of all.
  std::vector<Json> expand(const Json& tick, const std::stop_token& stop) override;

 private:
  [[nodiscard]] std::optional<worker::Failed> refuse(const worker::Run& run) const;
  void measure(const Snapshot& snapshot, const Reconciliation& result);

  postgres::Database& database_;
  std::vector<Reading> readings_;
  const Clock& clock_;
  metrics::Registry& metrics_;
  HandlerOptions options_;
};

}  // namespace rollcall::advisor_scan
