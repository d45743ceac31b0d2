#include "common/graph/quota_share.h"

#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;
using fakes::ManualClock;
using std::chrono::milliseconds;

namespace {

constexpr double quota = 1000, writes_quota = 500;
constexpr milliseconds window = 10s, write_window = 30s, step = 10ms;

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

constexpr double busy = 10;  // ten times the quota

}  // namespace

TEST_CASE("a single process has the whole quota") {
  World world;
  auto& one = world.start();
  one.demand = busy;
  world.run(1s);
  const auto from = world.clock.steady();
  world.run(60s);
  CHECK(world.spent_since(from) >= 0.99 * quota * 6);
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("nothing is spent before the log has been read") {
  World world;
  auto& one = world.start();
  one.connected = false;
  one.demand = busy;
  world.run(30s);
  CHECK(one.spent == 0);
  one.connected = true;
  world.run(300ms);
  CHECK(one.spent > 0);
}

TEST_CASE("two busy processes share the quota equally and use all of it") {
  World world;
  world.writing = GENERATE(false, true);
  const double most = world.writing ? writes_quota : quota;
  const milliseconds length = world.writing ? write_window : window;
  world.start().demand = busy;
  world.run(3s);
  world.start().demand = busy;
  world.run(3 * length);
  const auto from = world.clock.steady();
  const long before = world.processes[1]->spent;
  world.run(6 * length);
  CHECK(world.spent_since(from) >= 0.99 * most * 6);
  CHECK(static_cast<double>(world.processes[1]->spent - before) == Approx(most * 3).epsilon(0.02));
  CHECK(world.peak(length) <= most);
}

TEST_CASE("what one does not use, another does") {
  World world;
  const double little = GENERATE(0.0, 0.2);  // none, and a fifth of the quota
  world.start().demand = busy;
  world.start().demand = little;
  world.run(3 * window);
  const auto from = world.clock.steady();
  const long before = world.processes[1]->spent;
  world.run(6 * window);
  CHECK(world.spent_since(from) >= 0.99 * quota * 6);
  CHECK(static_cast<double>(world.processes[1]->spent - before) == Approx(little * quota * 6).epsilon(0.02));
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("a process killed leaves its share when its calls have left the window") {
  World world;
  world.start().demand = busy;
  world.start().demand = busy;
  world.run(3 * window);
  world.processes[1]->alive = false;
  world.run(QuotaShare::silence + window + 5s);
  const auto from = world.clock.steady();
  world.run(3 * window);
  CHECK(world.spent_since(from) >= 0.99 * quota * 3);
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("a process that is started anew under its name does not wait until it is taken for dead") {
  World world;
  world.start("worker-0").demand = 0.3;
  world.run(3 * window);
  world.processes[0]->alive = false;
  auto& again = world.start("worker-0");
  again.demand = busy;
  world.run(1s);
  CHECK(again.spent > 0);  // what the first did not hold
  world.run(window + 3s);
  const auto from = world.clock.steady();
  world.run(3 * window);
  CHECK(world.spent_since(from) >= 0.99 * quota * 3);
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("what a process that was killed held and had not used, its successor has at once") {
  World world;
  auto& first = world.start("worker-0");
  world.run(1s);
  first.demand = busy;
  world.run(300ms);
  first.alive = false;
  const double used = static_cast<double>(first.spent);
  REQUIRE(used > 0);
  REQUIRE(used < quota / 2);
  CHECK(first.share->share()[0] > 0.5);  // it had been granted more than it used
  world.start("worker-0").demand = busy;
  world.run(2s);
  CHECK(used + static_cast<double>(world.processes[1]->spent) >= 0.8 * quota);
  world.run(3 * window);
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("a release that is lost is said again") {
  World world;
  world.start("worker-0").demand = busy;
  world.run(3 * window);
  world.processes[0]->alive = false;
  world.loses_release = true;
  auto& again = world.start("worker-0");
  again.demand = busy;
  world.run(2 * window);
  CHECK_FALSE(world.loses_release);
  CHECK(again.spent > 0);
}

TEST_CASE("a process that was stopped holds nothing when it goes on") {
  World world;
  world.start().demand = busy;
  world.start().demand = busy;
  world.run(3 * window);
  auto& stopped = *world.processes[1];
  stopped.stopped = true;
  world.run(1min);
  stopped.stopped = false;
  world.run(3 * window);
  CHECK(world.peak(window) <= quota);
  const long before = stopped.spent;
  world.run(3 * window);
  CHECK(static_cast<double>(stopped.spent - before) == Approx(quota * 1.5).epsilon(0.02));
}

TEST_CASE("what a former life of a process said last, and arrives late, holds nothing for ever") {
  World world;
  world.start("worker-0");
  world.run(2s);
  world.processes[0]->alive = false;
  auto& again = world.start("worker-0");
  world.run(2s);
  ShareNews late;
  late.member = "member-0";
  late.instance = "worker-0";
  late.sequence = 1'000;
  late.hold = late.reach = {0.5, 0.5};
  again.outbox.push_back(late);
  world.run(QuotaShare::silence + write_window + 5s);
  again.demand = busy;
  world.run(window);
  const auto from = world.clock.steady();
  world.run(3 * window);
  CHECK(world.spent_since(from) >= 0.99 * quota * 3);
}

TEST_CASE("what a process has no share for, it has when it tries again after the wait it was told") {
  World world;
  auto& one = world.start();
  world.start();
  world.run(5s);  // idle: both keep but a part in hand
  milliseconds wait{0};
  const auto call = [&](double units) {
    const Cost cost{units * quota, 0};
    const auto id = one.governor->acquire(cost, Priority::bulk, 0ms, {}, wait);
    if (id) one.governor->settle(*id, cost);
    return id.has_value();
  };
  const double in_hand = one.governor->status().resource_units_limit / quota;
  REQUIRE(in_hand < 0.5);
  // The second never fits beside the first, as long as the share stays what it is.
  const auto attempt = [&] { return call(0.1) && call(in_hand - 0.01); };
  CHECK_FALSE(attempt());
  CHECK(wait == window);
  world.run(wait);
  CHECK(attempt());
}

TEST_CASE("without Kafka everybody keeps what it holds, and no more") {
  World world;
  world.start().demand = busy;
  world.start().demand = busy;
  world.run(3 * window);
  for (auto& process : world.processes)
    process->connected = false;
  world.run(QuotaShare::silence + window);
  const auto from = world.clock.steady();
  world.run(6 * window);
  CHECK(world.spent_since(from) >= 0.98 * quota * 6);
  for (auto& process : world.processes)
    process->connected = true;
  world.run(3 * window);
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("one cut off from Kafka keeps its share while the database says that it lives") {
  World world;
  world.start().demand = busy;
  world.start().demand = busy;
  world.run(3 * window);
  world.processes[1]->connected = false;
  world.run(QuotaShare::silence + 3 * window);
  const auto from = world.clock.steady();
  const long before = world.processes[1]->spent;
  world.run(3 * window);
  CHECK(static_cast<double>(world.processes[1]->spent - before) == Approx(quota * 1.5).epsilon(0.02));
  CHECK(world.spent_since(from) >= 0.98 * quota * 3);
  CHECK(world.peak(window) <= quota);
}

TEST_CASE("whatever happens to whom, no window holds more than the quota") {
  CHECK(rc::check("shares", [] {
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    World world;
    world.writing = below(2) == 0;
    world.start().demand = busy;
    for (int event = 0; event < 40; ++event) {
      auto& process =
          *world.processes[static_cast<std::size_t>(below(static_cast<int>(world.processes.size())))];
      const auto living = std::ranges::count_if(world.processes, [](const auto& one) { return one->alive; });
      switch (below(8)) {
        case 0:
          if (living < 5)
            world.start(below(2) == 0 && !world.lives(process.instance) ? process.instance : "");
          break;
        case 1:
          process.alive = false;
          break;
        case 2:
          process.stopped = !process.stopped;
          break;
        case 3:
          process.connected = !process.connected;
          break;
        case 4:
          if (process.alive && !process.stopped && process.connected) world.leave(process);
          break;
        case 5:
          process.latency = milliseconds{10 + below(500)};
          break;
        default:
          process.demand = below(3) == 0 ? 0 : below(100) * 0.02;
          break;
      }
      world.processes.back()->demand = std::max(world.processes.back()->demand, 0.5);
      world.run(milliseconds{below(15'000)});
    }
    RC_ASSERT(world.peak(window) <= quota);
    if (world.writing) RC_ASSERT(world.peak(write_window) <= writes_quota);
  }));
}
