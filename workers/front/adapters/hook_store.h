#pragma once
#include "common/core/ids.h"
#include "common/postgres/postgres.h"
#include "workers/front/core/notification.h"

#include <chrono>
#include <string>
#include <vector>

namespace rollcall::front {

/// What notifications lead to, gathered from a request.
struct Noticed {
  std::vector<Uuid> groups;              ///< to be synced
  std::vector<Notification> lifecycles;  ///< for whoever renews subscriptions; each names a subscription
};

struct Stored {
  long known_groups = 0;  ///< that belong to an organization
  long runs = 0;          ///< that were asked for: others wait already
};

/// Asks for a sync of each group's organization, to begin when `debounce` is over, and keeps the lifecycles.
/// In one short transaction: it waits for no lock and no statement longer than Graph waits for an answer.
Stored store_noticed(postgres::Database& database, const std::string& tenant_id, const Noticed& noticed,
                     std::chrono::milliseconds debounce);

}  // namespace rollcall::front
