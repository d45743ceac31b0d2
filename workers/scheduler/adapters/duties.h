#pragma once
#include "workers/scheduler/adapters/duty.h"
#include "workers/scheduler/adapters/tools.h"

#include <memory>
#include <stop_token>

namespace rollcall::scheduler {

/// What a leader does, a thread each: a sweep that waits for Kafka must not make a tick late. Runs from
/// construction until destruction.
class Duties {
 public:
  /// `tools` outlives it.
  explicit Duties(const Tools& tools);
  ~Duties();
  /// A command changed a schedule: whoever waits for the clock looks again.
  void ring();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::scheduler
