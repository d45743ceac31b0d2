#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace rollcall::front::mcp {

/// Calls back at a time, on a thread of its own. Safe from any thread.
class Alarm {
 public:
  Alarm() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
  /// `work` must neither block nor throw.
  void after(std::chrono::milliseconds delay, std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      due_.emplace(std::chrono::steady_clock::now() + delay, std::move(work));
    }
    changed_.notify_all();
  }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      if (due_.empty()) {
        changed_.wait(lock, stop, [this] { return !due_.empty(); });
        continue;
      }
      const auto first = due_.begin();
      if (first->first > std::chrono::steady_clock::now()) {
        changed_.wait_until(lock, stop, first->first,
                            [this, at = first->first] { return due_.begin()->first < at; });
        continue;
      }
      const auto work = std::move(first->second);
      due_.erase(first);
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> due_;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace rollcall::front::mcp
