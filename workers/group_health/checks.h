#pragma once
#include "common/accounting/accounting.h"
#include "common/core/clock.h"
#include "common/directory/organizations.h"
#include "common/graph/client.h"
#include "common/group_health/store.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/worker/handler.h"

#include <chrono>
#include <string>

namespace rollcall::group_health {

struct CheckOptions {
  std::string tenant_id;
  /// Between two looks that find a group nowhere, for it to count as gone.
  std::chrono::milliseconds second_look_after{std::chrono::minutes{15}};
  AbsenceLimits absence{};
  bool may_change_privileged = false;  ///< see judge()
};

/// One run on its way.
struct Job {
  const worker::Run& run;
  accounting::Accounting& account;
  graph::CallContext call;
};

/// Looks at linked groups, stores what they are, and removes links to what is gone. Safe from several lanes.
class Checks {
 public:
  Checks(postgres::Database& database, graph::Client& client, const Clock& clock, metrics::Registry& metrics,
         CheckOptions options);

  /// The group that the organization is linked to.
  worker::Outcome one(Job& job, const directory::Organization& organization);
  /// All of the tenant, page by page; an attempt that was cut short is gone on with.
  worker::Outcome all(Job& job);
  /// Asks for a look at the organization's group a little later.
  void look_again(postgres::Transaction& transaction, const worker::Run& run, const Uuid& organization,
                  std::chrono::milliseconds wait) const;

 private:
  struct Confirmed {
    long cleared = 0;      ///< links removed
    bool guarded = false;  ///< too many are absent: none was removed
    long later = 0;        ///< looked at again later
  };
  Confirmed confirm(Job& job, const Uuid& only, WallTime begun);
  void look_at_pages(Job& job, Uuid after, long checked, WallTime begun);
  void show_states();

  postgres::Database& database_;
  graph::Client& client_;
  const Clock& clock_;
  metrics::Registry& metrics_;
  metrics::Counter& cleared_total_;
  CheckOptions options_;
};

}  // namespace rollcall::group_health
