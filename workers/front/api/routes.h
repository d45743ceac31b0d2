#pragma once
#include "common/graph/client.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"
#include "workers/front/adapters/pool.h"
#include "workers/front/api/call.h"

/// The operations by area; each file beside this one has one area. Parts outlive the routes.
namespace rollcall::front {

class NewsFeed;

struct Parts {
  postgres::Database& database;
  runs::OutboxPublisher& outbox;
  Pool& pool;
  const Clock& clock;
  std::string tenant_id;           ///< the one Entra tenant that is configured
  graph::Client* graph = nullptr;  ///< null while MS_AUTH_ENABLED is false
  NewsFeed* news = nullptr;        ///< null: nothing is served as it happens
};

/// Publishes what a transaction stored; the caller's answer does not wait for Kafka.
void publish(Parts& parts, runs::Stored stored);

Routes document_routes(const Routes& all);
Routes events_routes(Parts& parts);
Routes jobs_routes(Parts& parts);
/// The Microsoft 365 group of an organization (seed: Microsoft integration).
Routes microsoft_routes(Parts& parts);
Routes all_routes(Parts& parts);

}  // namespace rollcall::front
