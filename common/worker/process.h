#pragma once
#include "common/kafka/kafka.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/worker/health.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace rollcall::worker {

/// SIGINT and SIGTERM as a stop token. Construct before any thread exists; SIGPIPE is ignored.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  [[nodiscard]] std::stop_token token() const;
  void wait() const;
  /// Does the work of one of the process's threads. Where it throws, the whole process stops in order, and
  /// fails: a supervisor starts it anew.
  void guard(const std::function<void()>& work);
  /// What main returns: 0, or what the first failure under guard() makes of it.
  [[nodiscard]] int exit_code() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ReadyCheck {
  std::string name;             ///< "postgresql", "kafka"
  std::function<bool()> ready;  ///< asked on a thread that may block
  std::string otherwise{};      ///< what to tell where it is not
};
/// Whether PostgreSQL and Kafka answer.
std::vector<ReadyCheck> reachability(postgres::Database& database, kafka::Producer& producer,
                                     const std::string& brokers);

/// /healthz (alive), /readyz, /metrics on one port. /readyz answers 200 or 503 with {"status", "checks":
/// [{"name", "state", "message"}]}: the checks, then what the parts of the process say through health().
class OpsServer {
 public:
  OpsServer(std::uint16_t port, metrics::Registry& metrics, std::vector<ReadyCheck> checks);
  ~OpsServer();
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] Health& health();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::worker
