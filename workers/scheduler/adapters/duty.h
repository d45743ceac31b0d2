#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

namespace rollcall::scheduler {

/// Wakes a thread that waits. A ring before the wait counts too: nothing is slept through.
class Bell {
 public:
  void ring();
  /// Until rung, `stop`, or `time` has passed.
  void wait(std::chrono::microseconds time, const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool rung_ = false;
};

/// Does `work` again and again until `stop`; it answers how long to wait before the next time, which `bell`
/// cuts short. What it throws is logged once per outage and waited out with backoff: one duty's trouble never
/// reaches another. Returns where leadership is lost.
void keep_doing(const std::string& duty, const std::function<std::chrono::microseconds()>& work, Bell& bell,
                std::stop_token stop);

}  // namespace rollcall::scheduler
