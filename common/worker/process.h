#pragma once
#include "common/metrics/metrics.h"

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

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ReadyCheck {
  std::string name;             ///< "postgresql", "kafka"
  std::function<bool()> ready;  ///< asked on a thread that may block
};

/// /healthz (alive), /readyz (503 with words for what is missing), /metrics on one port.
class OpsServer {
 public:
  OpsServer(std::uint16_t port, metrics::Registry& metrics, std::vector<ReadyCheck> checks);
  ~OpsServer();
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::worker
