#pragma once
#include "common/graph/client.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"
#include "workers/front/adapters/pool.h"
#include "workers/front/api/call.h"

/// The operations by area; each file beside this one has one area. Parts outlive the routes.
namespace rollcall::front {

struct Parts {
  postgres::Database& database;
  runs::OutboxPublisher& outbox;
  Pool& pool;
  const Clock& clock;
  std::string tenant_id;           ///< the one Entra tenant that is configured
  graph::Client* graph = nullptr;  ///< null while MS_AUTH_ENABLED is false
};

/// Publishes what a transaction stored; the caller's answer does not wait for Kafka.
void publish(Parts& parts, runs::Stored stored);

Routes document_routes(const Routes& all);
Routes all_routes(Parts& parts);

}  // namespace rollcall::front
