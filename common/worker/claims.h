#pragma once
#include "common/runs/runs.h"
#include "common/worker/settlement.h"

#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace rollcall::worker {

/// A command as it came from the topic.
struct Command {
  Uuid run_id;
  std::optional<Uuid> organization_id;
  std::string tenant_id, operation, caller_identity, traceparent;
  Json parameters = Json::object();
  bool urgent = true;
  Ticket ticket;
  /// Order is kept per organization; a run without one is a key of its own.
  [[nodiscard]] std::string key() const { return organization_id.value_or(run_id).to_string(); }
};

struct Claimant {
  std::string worker;    ///< "member-sync"
  std::string instance;  ///< who, for people: ops.runs.claimed_by
};

/// Claims what is queued, or was left running, in one statement; makes the rows that do not exist yet.
/// Commands whose run is in any other state are not in the answer. Run ids must differ. The answer is in the
/// order of `commands`.
std::vector<Claimed> claim_block(postgres::Transaction& transaction, const Claimant& claimant,
                                 const std::vector<Command>& commands);

struct Finished {
  Claimed claimed;
  Settlement settlement;
  std::chrono::milliseconds duration{0};
};

struct Settled {
  std::set<Uuid> held;  ///< the runs whose claim still stood; the others are someone else's now
  runs::Stored news;
};
/// State, event and news of many runs, in the caller's transaction.
Settled settle_block(postgres::Transaction& transaction, const std::string& worker,
                     const std::vector<const Finished*>& finished, WallTime now);

/// The runs this process holds: for heartbeats, progress, and so as not to claim one twice.
class InFlight {
 public:
  /// False where the run is in flight already.
  bool add(const Uuid& run);
  void claimed(const Uuid& run, const Uuid& claim);
  void remove(const Uuid& run);
  void progress(const Uuid& run, Json progress);
  [[nodiscard]] std::size_t size() const;

  /// Tells the database that their holder lives.
  void heartbeat(postgres::Database& database) const;
  /// Stores the progress reported since the last call.
  void store_progress(postgres::Database& database);

 private:
  struct Entry {
    Uuid claim;
    std::optional<Json> progress;
  };
  mutable std::mutex mutex_;
  std::map<Uuid, Entry> runs_;
};

}  // namespace rollcall::worker
