#include "tests/simulation/timeline.h"

#include <algorithm>

namespace rollcall::simulation {

void Timeline::after(milliseconds delay, HostPtr host, std::function<void()> work) {
  push({now() + delay, ++sequence_, std::move(host), std::move(work)});
}

void Timeline::push(Event event) {
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end());
}

bool Timeline::step(SteadyTime end) {
  if (events_.empty() || events_.front().at > end) {
    clock_.advance(std::chrono::ceil<milliseconds>(end - now()));
    return false;
  }
  std::pop_heap(events_.begin(), events_.end());
  Event event = std::move(events_.back());
  events_.pop_back();
  clock_.advance(std::chrono::ceil<milliseconds>(event.at - now()));
  if (event.host && !event.host->alive) return true;
  if (event.host && event.host->stopped_until > now()) {
    event.at = event.host->stopped_until;
    push(std::move(event));  // under its old number: what waited goes on in its order
    return true;
  }
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
