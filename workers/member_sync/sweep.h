#pragma once
#include "common/graph/client.h"
#include "common/postgres/postgres.h"
#include "workers/member_sync/adapters/packs.h"
#include "workers/member_sync/adapters/store.h"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace rollcall::member_sync {

struct SweepOptions {
  std::string tenant_id;
  std::chrono::milliseconds full_read_interval{std::chrono::hours{24}};
  std::chrono::milliseconds patience{30'000};
  /// Runs that a sweep starts for organizations of which nothing is known but that they should be looked at.
  std::size_t maybe_max = 2'000;
};

/// Turns a tick into the commands of the organizations that need a run. Safe from several lanes.
class Sweep {
 public:
  Sweep(postgres::Database& database, graph::Client& client, SweepOptions options);
  /// Asks Microsoft Graph what changed since the last sweep, one request for up to 50 groups, unless the
  /// tick's parameters name one organization or ask for full reads. May be interrupted anywhere and called
  /// again with the same tick: packs it has read are not read again, and what they told stands in the
  /// database. Throws Error: transient or throttled, with how long to wait, where the tick must be tried
  /// again; invalid where it makes no sense.
  std::vector<Json> commands(const Json& tick, const std::stop_token& stop);

 private:
  std::vector<Uuid> chosen(const Json& tick, const Json& parameters, const std::stop_token& stop);
  void read_packs(const Uuid& tick, const std::stop_token& stop);
  std::size_t read_block(const std::vector<Pack>& packs, std::size_t first, const Uuid& tick,
                         const graph::CallContext& call);

  SweepOptions options_;
  graph::Client& client_;
  Store store_;
  Packs packs_;
};

}  // namespace rollcall::member_sync
