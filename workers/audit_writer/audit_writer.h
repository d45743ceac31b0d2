#pragma once
#include "common/core/backoff.h"
#include "common/core/clock.h"
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/schema/validator.h"

#include <chrono>
#include <stop_token>
#include <string>

namespace rollcall::audit_writer {

struct AuditWriterOptions {
  kafka::Options kafka;
  std::string topic_prefix =
      "rollcall";  ///< topics <prefix>.audit, .audit-roots; group <prefix>-audit-writer
  std::string instance_id;
  std::size_t batch_max = 2'000;
  std::chrono::milliseconds linger{50};
  Backoff backoff{std::chrono::milliseconds{200}, std::chrono::milliseconds{5'000}};
  std::chrono::milliseconds stop_deadline{10'000};
  long retention_months = 0;          ///< 0: every month is kept for good
  std::string tenant_id = "default";  ///< of the events that the writer leaves itself
};

/// Brings audit events from the topic into audit.events, each once and sealed, until `stop`; what is in hand
/// then is still written where that succeeds within stop_deadline. `producer` parks what is refused and
/// publishes the seals' roots.
void run_audit_writer(const AuditWriterOptions& options, postgres::Database& database,
                      kafka::Producer& producer, const schema::Validator& schemas, const Clock& clock,
                      metrics::Registry& metrics, std::stop_token stop);

}  // namespace rollcall::audit_writer
