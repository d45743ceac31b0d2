#pragma once
#include "common/core/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/vault/renewal.h"
#include "common/worker/handler.h"
#include "workers/token_renewal/core/tally.h"

#include <cstddef>
#include <stop_token>
#include <vector>

namespace rollcall::token_renewal {

struct GrantOptions {
  int at_once = 8;          ///< refreshes under way
  std::size_t block = 200;  ///< grants between two checkpoints
};

/// Renews what people granted, as far as it is due. What became of a grant stands in the vault's tables; the
/// run's result counts. Safe from several lanes and processes: each grant is refreshed by one of them.
class Grants {
 public:
  Grants(postgres::Database& database, vault::Renewer& renewer, const Clock& clock,
         metrics::Registry& metrics, GrantOptions options);
  worker::Outcome renew(const worker::Run& run, worker::RunContext& context);

 private:
  void renew_block(const std::vector<Uuid>& due, Tally& tally, const std::stop_token& stop);
  void count(const vault::RefreshOutcome& outcome);

  postgres::Database& database_;
  vault::Renewer& renewer_;
  const Clock& clock_;
  metrics::Registry& metrics_;
  metrics::Histogram& asked_;
  GrantOptions options_;
};

}  // namespace rollcall::token_renewal
