#include "workers/scheduler/adapters/duty.h"

#include "common/core/backoff.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <condition_variable>
#include <mutex>

namespace rollcall::scheduler {
namespace {

using std::chrono::milliseconds;

void report(const std::string& duty, const std::exception& error) {
  Json fields = log::describe(error);
  fields["duty"] = duty;
  const auto* ours = dynamic_cast<const Error*>(&error);
  const bool passes =
      ours != nullptr && (ours->fault() == Fault::transient || ours->fault() == Fault::conflict);
  // A refused statement does not mend itself: someone must act.
  log::write(passes ? log::Level::warn : log::Level::error, "duty_failed", fields);
}

}  // namespace

void keep_doing(const std::string& duty, const std::function<milliseconds()>& work, std::stop_token stop) {
  // A short cap: ticks are late by what the backoff adds after the database is back.
  const Backoff backoff{milliseconds{200}, milliseconds{5'000}};
  std::mutex mutex;
  std::condition_variable_any wake;
  int failures = 0;
  std::string reported;
  while (!stop.stop_requested()) {
    milliseconds wait{0};
    try {
      wait = work();
      if (failures > 0) log::info("duty_recovered", {{"duty", duty}, {"failures", failures}});
      failures = 0;
      reported.clear();
    } catch (const std::exception& error) {
      ++failures;
      const auto* ours = dynamic_cast<const Error*>(&error);
      const std::string code = ours != nullptr ? ours->code() : "internal";
      if (code != reported) report(duty, error);
      reported = code;
      wait = backoff.delay(failures, crypto::random_unit());
    }
    if (wait <= milliseconds{0}) continue;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, wait, [] { return false; });
  }
}

}  // namespace rollcall::scheduler
