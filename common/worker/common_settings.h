#pragma once
#include "common/config/settings.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"

#include <cstdint>
#include <string>

namespace rollcall::worker {

/// What every process takes from its environment.
struct CommonSettings {
  std::string worker;  ///< "member-sync"
  /// Who this process is among its kind: its name in the consumer groups, in ops.workers and in claims.
  /// Stable over a restart where ROLLCALL_INSTANCE_ID says so.
  std::string instance;
  bool stable = false;  ///< `instance` was given: static group membership (KIP-345)
  postgres::Options database;
  kafka::Options kafka;
  std::uint16_t ops_port = 0;
  std::string log_level;
};
/// Declares DATABASE_URL, KAFKA_BROKERS, ROLLCALL_INSTANCE_ID, ROLLCALL_OPS_PORT and ROLLCALL_LOG_LEVEL.
CommonSettings load_common_settings(config::Settings& settings, const std::string& worker,
                                    std::uint16_t ops_port);

}  // namespace rollcall::worker
