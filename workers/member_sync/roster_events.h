#pragma once
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/schema/validator.h"

#include <chrono>
#include <stop_token>
#include <string>

namespace rollcall::member_sync {

struct RosterEventsOptions {
  kafka::Options kafka;
  std::string instance_id;  ///< static group membership by that name; empty: dynamic
  bool enabled = true;      ///< MS_AUTH_ENABLED
  std::chrono::milliseconds debounce{5'000};
  std::string topic_prefix = "rollcall";  ///< of topic and group; tests have their own
};

/// Reads `<prefix>.roster-events` and stores a sync for each organization named, to begin when `debounce` is
/// over. An offset is committed once the run is stored, or the dead letter delivered. Returns after `stop`.
/// PostgreSQL or Kafka being away is waited out.
void run_roster_events(const RosterEventsOptions& options, postgres::Database& database,
                       kafka::Producer& producer, const schema::Validator& schemas, const Clock& clock,
                       metrics::Registry& metrics, const std::stop_token& stop);

}  // namespace rollcall::member_sync
