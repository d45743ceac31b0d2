#include "workers/member_sync/accounting.h"

namespace rollcall::member_sync {

Accounting::Accounting(worker::RunContext& inner, const worker::Run& run, const Clock& clock)
    : inner_(inner), clock_(clock), started_(clock.steady()) {
  if (!run.carried.is_object()) return;
  usage.http = run.carried.value("http", 0L);
  usage.reads = run.carried.value("reads", 0L);
  usage.writes = run.carried.value("writes", 0L);
  usage.throttled = run.carried.value("throttled", 0L);
  before_ = std::chrono::milliseconds{run.carried.value("duration_ms", 0L)};
}

std::chrono::milliseconds Accounting::duration() const {
  return before_ + std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - started_);
}

Json Accounting::spent() const {
  return {{"http", usage.http.load()},
          {"reads", usage.reads.load()},
          {"writes", usage.writes.load()},
          {"throttled", usage.throttled.load()},
          {"duration_ms", duration().count()}};
}

}  // namespace rollcall::member_sync
