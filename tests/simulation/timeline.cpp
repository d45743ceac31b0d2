#include "tests/simulation/timeline.h"

#include <algorithm>
#include <utility>

namespace rollcall::simulation {

void Timeline::after(milliseconds delay, HostPtr host, std::function<void()> work, Thread thread) {
  if (free_.empty()) {
    free_.push_back(events_.size());
    events_.emplace_back();
  }
  const auto event = free_.back();
  free_.pop_back();
  events_[event] = {thread, std::move(host), std::move(work)};
  push({now() + delay, ++sequence_, event});
}

void Timeline::push(Due due) {
  due_.push_back(due);
  std::push_heap(due_.begin(), due_.end());
}

bool Timeline::step(SteadyTime end) {
  if (due_.empty() || due_.front().at > end) {
    clock_.advance(std::chrono::ceil<milliseconds>(end - now()));
    return false;
  }
  std::pop_heap(due_.begin(), due_.end());
  Due due = due_.back();
  due_.pop_back();
  clock_.advance(std::chrono::ceil<milliseconds>(due.at - now()));
  const Host* host = events_[due.event].host.get();
  if (host && host->alive && host->stopped_until > now()) {
    const auto stop = static_cast<std::uint64_t>(host->stopped_until.time_since_epoch().count());
    const auto thread = static_cast<std::uint64_t>(events_[due.event].thread);
    due.at = host->stopped_until + milliseconds{Random(stop + thread).below(20)};
    push(due);
    return true;
  }
  const Event event = std::exchange(events_[due.event], {});
  free_.push_back(due.event);
  if (event.host && !event.host->alive) return true;
  ++steps_;
  event.work();
  return true;
}

void Timeline::remember(std::string line) {
  const auto at = std::chrono::duration_cast<milliseconds>(now().time_since_epoch()).count() - 86'400'000;
  trace_.push_back(fmt::format("{:>9.3f} s  {}", static_cast<double>(at) / 1000, line));
  if (trace_.size() > trace_max) trace_.pop_front();
}

std::string Timeline::trace() const {
  std::string text;
  for (const auto& line : trace_)
    text += "  " + line + "\n";
  return text;
}

}  // namespace rollcall::simulation
