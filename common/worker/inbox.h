#pragma once
#include "common/worker/claims.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>

namespace rollcall::worker {

/// How soon to look again at a run that another living worker holds.
inline constexpr std::chrono::milliseconds look_again{1'000};

/// Commands that wait to be claimed: what someone waits for before bulk. Bounded by who puts: a feed pauses
/// its consumer while too many of its messages are open.
class Inbox {
 public:
  void put(Command command);
  /// Again at `when`: another worker holds the run now.
  void put_off(Command command, SteadyTime when);
  /// The run turned out not to be ours any more: how did it end?
  void ask_again(const Claimed& claimed);
  /// What is there, at most `max`; waits for the first, and while paused. Empty: stopped.
  std::vector<Command> take(std::size_t max, const std::stop_token& stop);
  /// Nothing is handed out while paused; so it begins, until someone knows better.
  void set_paused(bool paused);

 private:
  bool ready() const { return !paused_ && (!urgent_.empty() || !bulk_.empty()); }
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Command> urgent_, bulk_;
  std::multimap<SteadyTime, Command> later_;
  bool paused_ = true;
};

}  // namespace rollcall::worker
