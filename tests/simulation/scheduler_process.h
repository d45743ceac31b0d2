#pragma once
#include "tests/simulation/services.h"

#include <optional>

namespace rollcall::simulation {

/// One life of one scheduler: the lease, and the duties of who holds it, around scheduler::decide().
class SchedulerProcess {
 public:
  SchedulerProcess(Services& services, const std::string& instance, int life);
  [[nodiscard]] const HostPtr& host() const { return host_; }

 private:
  void stand();
  void step_down();
  /// `work` after `delay`, while this term lasts.
  void again(milliseconds delay, void (SchedulerProcess::*work)());
  void renew();
  /// A transaction of this term: throws leadership_lost where it is over.
  void duty(std::function<std::vector<Message>(Tables&)> work, std::function<void()> done);
  void tick();
  void requeue();
  void mind();
  void sweep();
  std::vector<Message> look(Tables& tables) const;
  void decide_for(Tables& tables, std::size_t index, std::vector<Message>& messages) const;
  void fire(Tables& tables, std::size_t index, WallTime due, std::vector<Message>& messages) const;
  void release_buffered(Tables& tables, std::vector<Message>& messages) const;
  void resend_ticks(Tables& tables, std::vector<Message>& messages) const;

  Services& services_;
  HostPtr host_;
  std::optional<long> term_;
  SteadyTime renewed_{};
};

}  // namespace rollcall::simulation
