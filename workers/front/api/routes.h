#pragma once
#include "common/core/group_health.h"
#include "common/graph/client.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"
#include "common/schema/validator.h"
#include "workers/front/adapters/pool.h"
#include "workers/front/api/call.h"

/// The operations by area; each file beside this one has one area. Parts outlive the routes.
namespace rollcall::front {

class Connectors;
class CallLedger;
class NewsFeed;
struct Vault;

/// Change notifications of Microsoft Graph.
struct HookSettings {
  std::string client_state;  ///< what Graph was given to prove itself with; empty: no hook
  std::chrono::milliseconds debounce{5'000};
};

struct Parts {
  postgres::Database& database;
  runs::OutboxPublisher& outbox;
  Pool& pool;
  const Clock& clock;
  std::string tenant_id;  ///< the one Entra tenant that is configured
  group_health::AbsenceLimits absence = {};
  graph::Client* graph = nullptr;  ///< null while MS_AUTH_ENABLED is false
  NewsFeed* news = nullptr;        ///< null: nothing is served as it happens
  kafka::Options kafka = {};       ///< for what people read from topics: dead letters, shares of the quota
  HookSettings hooks = {};
  metrics::Registry* metrics = nullptr;
  /// For questions that many ask at once, so that what waits for Graph holds none of them up; null: `pool`.
  Pool* looks = nullptr;
  std::size_t streams_max = 100;                  ///< of events, that one caller may have open here
  const schema::Validator* components = nullptr;  ///< what bodies are checked against
  /// Of agents' calls; null: nothing is served to agents. Needs `components`.
  const CallLedger* ledger = nullptr;
  Vault* vault = nullptr;  ///< for what people grant (api/connections.h); null: they cannot connect anything
  Connectors* connectors = nullptr;  ///< what calls with it (connectors/connectors.h)
};

/// Publishes what a transaction stored; the caller's answer does not wait for Kafka.
void publish(Parts& parts, runs::Stored stored);

Routes audit_routes(Parts& parts);
Routes connections_routes(Parts& parts);
/// Mail, calendar and documents on the caller's own grant: for MCP, not part of all_routes().
Routes connector_routes(Parts& parts);
Routes dead_letters_routes(Parts& parts);
Routes findings_routes(Parts& parts);
Routes hooks_routes(Parts& parts);
Routes oauth_routes(Parts& parts);
Routes operations_routes(Parts& parts);
Routes organizations_routes(Parts& parts);
Routes rosters_routes(Parts& parts);
/// /openapi.json of these and of itself, and what of it is for Copilot.
Routes document_routes(const Routes& all);
Routes events_routes(Parts& parts);
Routes jobs_routes(Parts& parts);
/// The Microsoft 365 group of an organization (seed: Microsoft integration).
Routes microsoft_routes(Parts& parts);
Routes all_routes(Parts& parts);

}  // namespace rollcall::front
