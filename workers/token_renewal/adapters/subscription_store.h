#pragma once
#include "common/postgres/postgres.h"
#include "workers/token_renewal/core/refusal.h"
#include "workers/token_renewal/core/subscriptions.h"

#include <chrono>
#include <string>
#include <vector>

/// sync.subscriptions and sync.subscription_notices of one tenant.
namespace rollcall::token_renewal {

struct Known {
  std::vector<Kept> kept;
  std::vector<Notice> notices;
};
Known load(postgres::Database& database, const std::string& tenant);
/// Whether there is a row or a notice at all.
bool anything_known(postgres::Database& database, const std::string& tenant);

/// False while another run has it. The same run gets it again.
bool take_turn(postgres::Database& database, const std::string& tenant, const Uuid& run,
               std::chrono::seconds lease);

/// Before Graph is asked. There is one such row of a tenant; it says what is asked for last.
void store_creation(postgres::Transaction& transaction, const std::string& tenant, const Wanted& wanted);
/// What store_creation() left is this one.
void store_created(postgres::Transaction& transaction, const std::string& tenant, const Listed& created);
void store_renewed(postgres::Transaction& transaction, const Uuid& id, WallTime expires_at);
void forget(postgres::Transaction& transaction, const std::vector<Uuid>& ids);

/// All is as it should be: these notices are acted on, nothing is being created, the finding is resolved.
void store_settled(postgres::Transaction& transaction, const std::string& tenant, const Uuid& run,
                   const std::vector<Notice>& notices);
/// The rows say why, and a finding stands until store_settled().
void store_failing(postgres::Transaction& transaction, const std::string& tenant, const Uuid& run,
                   const Refusal& refusal);

}  // namespace rollcall::token_renewal
