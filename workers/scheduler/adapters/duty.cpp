#include "workers/scheduler/adapters/duty.h"

#include "common/core/backoff.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

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

void Bell::ring() {
  const std::lock_guard lock(mutex_);
  rung_ = true;
  changed_.notify_all();
}

void Bell::wait(std::chrono::microseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, time, [&] { return rung_; });
  rung_ = false;
}

void keep_doing(const std::string& duty, const std::function<std::chrono::microseconds()>& work, Bell& bell,
                std::stop_token stop) {
  // A short cap: ticks are late by what the backoff adds after the database is back.
  const Backoff backoff{milliseconds{100}, milliseconds{2'000}};
  int failures = 0;
  std::string reported;
  while (!stop.stop_requested()) {
    std::chrono::microseconds wait{0};
    try {
      wait = work();
      if (failures > 0) log::info("duty_recovered", {{"duty", duty}, {"failures", failures}});
      failures = 0;
      reported.clear();
    } catch (const std::exception& error) {
      const auto* ours = dynamic_cast<const Error*>(&error);
      const std::string code = ours != nullptr ? ours->code() : "internal";
      if (code == "leadership_lost") return;
      ++failures;
      if (code != reported) report(duty, error);
      reported = code;
      wait = backoff.delay(failures, crypto::random_unit());
    }
    if (wait > std::chrono::microseconds{0}) bell.wait(wait, stop);
  }
}

}  // namespace rollcall::scheduler
