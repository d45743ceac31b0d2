#pragma once
#include "common/graph/quota_share.h"
#include "tests/fakes/manual_clock.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

namespace rollcall::graph::test {

using namespace std::chrono_literals;
using fakes::ManualClock;
using std::chrono::milliseconds;

inline constexpr double quota = 1000, writes_quota = 500;
inline constexpr milliseconds window = 10s, write_window = 30s, step = 10ms;

/// Several processes on one clock and one log. Every process reads the log with a delay of its own; what it
/// publishes waits while Kafka is away.
class World {
 public:
  struct Process {
    std::unique_ptr<Governor> governor;
    std::unique_ptr<QuotaShare> share;
    std::string instance;
    std::size_t read = 0;  // position in the log
    milliseconds latency{10};
    bool alive = true, stopped = false, connected = true;
    double demand = 0;  // calls of one unit and one write a step
    std::deque<ShareNews> outbox;
    double owed = 0;
    SteadyTime beaten{};
    long spent = 0;
  };

  Process& start(const std::string& instance = {}) {
    auto process = std::make_unique<Process>();
    process->instance = instance.empty() ? "instance-" + std::to_string(processes.size()) : instance;
    process->governor =
        std::make_unique<Governor>(GovernorLimits{quota, quota, window, writes_quota, write_window}, clock);
    process->share = std::make_unique<QuotaShare>(
        QuotaShareOptions{
            "member-" + std::to_string(processes.size()), process->instance, {window, write_window}},
        *process->governor, clock.steady());
    processes.push_back(std::move(process));
    return *processes.back();
  }

  void leave(Process& process) {
    log.push_back({process.share->leave(clock.steady()), clock.steady()});
    process.alive = false;
  }

  void run(milliseconds time) {
    for (milliseconds gone{0}; gone < time; gone += step) {
      clock.advance(step);
      for (auto& process : processes)
        if (process->alive && !process->stopped) turn(*process);
    }
  }

  [[nodiscard]] bool lives(const std::string& instance) const {
    return std::ranges::any_of(
        processes, [&](const auto& process) { return process->alive && process->instance == instance; });
  }

  /// The most that any window of `length` held.
  [[nodiscard]] double peak(milliseconds length) const {
    double most = 0, sum = 0;
    std::size_t first = 0;
    for (const auto& [at, units] : charges) {
      sum += units;
      while (charges[first].first + length <= at)
        sum -= charges[first++].second;
      most = std::max(most, sum);
    }
    return most;
  }
  [[nodiscard]] double spent_since(SteadyTime from) const {
    double sum = 0;
    for (const auto& [at, units] : charges)
      if (at > from) sum += units;
    return sum;
  }

  ManualClock clock;
  std::vector<std::unique_ptr<Process>> processes;
  bool writing = false;        // else reads alone
  bool loses_release = false;  // the next one never reaches the log

 private:
  void turn(Process& process) {
    const auto now = clock.steady();
    process.beaten = now;
    // Calls go first: a process that goes on after a stop must not get any further than its lease.
    process.owed = std::min(process.owed + process.demand, process.demand * 100 + 1);
    while (process.owed >= 1 && call(process))
      process.owed -= 1;
    if (process.connected) {
      while (!process.outbox.empty()) {
        log.push_back({process.outbox.front(), now});
        process.outbox.pop_front();
      }
      while (process.read < log.size() && log[process.read].second + process.latency <= now) {
        const auto& [news, at] = log[process.read++];
        process.share->read(news, {at.time_since_epoch() / 1ms / 1'000'000, false}, now);
      }
    }
    if ((now.time_since_epoch() / step) % (QuotaShare::turn / step) != 0) return;
    for (ShareNews& news : process.share->tick(now)) {
      const bool release = news.state == ShareNews::State::released;
      if (!release || !std::exchange(loses_release, false)) process.outbox.push_back(std::move(news));
    }
    if (process.share->wants_living(now)) process.share->hear_living(living(), now);
  }

  bool call(Process& process) {
    milliseconds wait{0};
    const Cost cost{1, writing ? 1.0 : 0.0};
    const auto id = process.governor->acquire(cost, Priority::bulk, 0ms, {}, wait);
    if (!id) return false;
    process.governor->settle(*id, cost);
    charges.emplace_back(clock.steady(), 1);
    ++process.spent;
    return true;
  }

  /// The database's view: who runs has beaten lately; who is stopped or was killed is there still, ever
  /// older.
  std::map<std::string, milliseconds> living() {
    std::map<std::string, milliseconds> ages;
    for (const auto& process : processes) {
      const auto age = 1s + std::chrono::duration_cast<milliseconds>(clock.steady() - process->beaten);
      const auto known = ages.try_emplace(process->instance, age).first;
      known->second = std::min(known->second, age);
    }
    return ages;
  }

  std::deque<std::pair<ShareNews, SteadyTime>> log;
  std::vector<std::pair<SteadyTime, double>> charges;
};

}  // namespace rollcall::graph::test
