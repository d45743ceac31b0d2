#include "common/accounting/accounting.h"

namespace rollcall::accounting {

Accounting::Accounting(worker::RunContext& inner, const worker::Run& run, const Clock& clock)
    : inner_(inner), clock_(clock), started_(clock.steady()) {
  if (!run.carried.is_object()) return;
  beside_ = run.carried;
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
  Json all = beside_;
  all.update(requests_of(usage));
  all["duration_ms"] = duration().count();
  return all;
}

Json requests_of(const graph::Usage& usage) {
  return {{"http", usage.http.load()},
          {"reads", usage.reads.load()},
          {"writes", usage.writes.load()},
          {"throttled", usage.throttled.load()}};
}

graph::CallContext call_for(const worker::Run& run, Accounting& context, std::chrono::milliseconds patience) {
  graph::CallContext call;
  call.priority =
      run.caller_identity.starts_with("schedule:") ? graph::Priority::bulk : graph::Priority::interactive;
  call.patience = patience;
  call.stop = context.stop();
  call.usage = &context.usage;
  call.organization = run.organization_id.to_string();
  return call;
}

}  // namespace rollcall::accounting
