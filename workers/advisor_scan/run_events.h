#pragma once
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

namespace rollcall::advisor_scan {

struct RunEventsOptions {
  kafka::Options kafka;
  std::string tenant_id;    ///< the configured one
  std::string instance_id;  ///< static group membership by that name; empty: dynamic
  std::chrono::milliseconds debounce{30'000};
  std::string topic_prefix = "rollcall";  ///< of topic and group; tests have their own
};

/// The organization whose run failed, by a message of rollcall.runs; nothing where none did, where it has
/// none, or where it was a scan: one that fails must not ask for the next.
std::optional<Uuid> failed_for(const std::string& news);

/// Reads `<prefix>.runs` and stores a scan for each organization of which a run failed, to begin when
/// `debounce` is over. An offset is committed once the scan is stored. Returns after `stop`. PostgreSQL or
/// Kafka being away is waited out.
void run_events(const RunEventsOptions& options, postgres::Database& database, const Clock& clock,
                metrics::Registry& metrics, const std::stop_token& stop);

}  // namespace rollcall::advisor_scan
