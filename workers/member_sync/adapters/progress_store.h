#pragma once
#include "common/postgres/postgres.h"
#include "workers/member_sync/core/judge.h"
#include "workers/member_sync/core/plan.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// How far a run got: its plan, and which changes are settled.
namespace rollcall::member_sync {

struct StoredPlan {
  Uuid group;
  Plan plan;
  Json context;                   ///< what the result needs besides the plan
  std::vector<Settled> finished;  ///< from the checkpoints
};

struct PlanDocument {
  Uuid run, organization, group;
  std::string digest;
  const Plan* plan = nullptr;
  Json context;
  bool applying = false;  ///< else a proposal: shown and approved, but never resumed without planning again
};

/// The plan that this run was applying when it was interrupted; nothing where there is none.
std::optional<StoredPlan> load_plan(postgres::Database& database, const Uuid& run);
void save_plan(postgres::Transaction& transaction, const PlanDocument& document);

struct Turn {
  WallTime begun;  ///< by PostgreSQL's clock
  /// Above zero: another open run of the organization is applying its plan; look again after that. It must
  /// end first: its changes would be taken for ours and ours for its, and what it has yet to do may be
  /// outdated by then.
  std::chrono::milliseconds wait{0};
};
/// Whether it is this run's turn to read roster and group. The wait ends after that of the run ahead, and
/// grows with the age of this run, so that many which wait for one do not ask all the time.
Turn ask_turn(postgres::Database& database, const Uuid& run, const Uuid& organization);
/// Asked again in the transaction that stores the plan: whether nobody began or ended applying one since, and
/// no other plan than those `known` was left unfinished. Locks the organization's row, so that of two who ask
/// at once one is told no.
bool still_first(postgres::Transaction& transaction, const Uuid& run, const Uuid& organization,
                 WallTime begun, const std::vector<Uuid>& known);

/// A plan that was being applied when its run ended, or when its run was tried again by hand, which begins
/// anew: what became of some of its changes nobody has put on record.
struct UnfinishedPlan {
  Uuid run;
  std::string caller_identity;
  StoredPlan stored;
};
/// Those of an organization, as `run` finds them, which is about to plan. The oldest first.
std::vector<UnfinishedPlan> load_unfinished(postgres::Database& database, const Uuid& run,
                                            const Uuid& organization);

/// Settled changes into sync.checkpoints, and those in effect into sync.recent_writes.
void save_checkpoint(postgres::Transaction& transaction, const Uuid& run, const Uuid& organization,
                     const Plan& plan, const std::vector<Settled>& settled);

/// Checkpoints go; the plan stays as a record and is not resumed any more.
void close_plan(postgres::Transaction& transaction, const Uuid& run);

struct Finish {
  Uuid run, organization;
  long roster_version = 0;
  long member_count = 0;
  std::chrono::milliseconds hold_off{0};
  std::optional<WallTime> read_at;  ///< before the group was read; nothing: not known
};
/// The run is through: closes its plan and drops writes past the hold-off.
void save_finish(postgres::Transaction& transaction, const Finish& finish);

}  // namespace rollcall::member_sync
