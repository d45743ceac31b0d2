#include "tests/support/catch.h"
#include "tests/unit/graph/quota_world.h"

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::graph;
using namespace rollcall::graph::test;

namespace {

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
