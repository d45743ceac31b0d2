#include "common/graph/governor.h"

#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cstdint>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;
using fakes::ManualClock;

namespace {

std::optional<std::uint64_t> try_acquire(Governor& governor, Cost cost, std::chrono::milliseconds& wait) {
  return governor.acquire(cost, Priority::bulk, 0ms, {}, wait);
}

/// Spends `units` one by one; how many were granted.
int spend(Governor& governor, int units, Cost cost = {1, 0}) {
  int granted = 0;
  std::chrono::milliseconds wait{0};
  for (int i = 0; i < units; ++i)
    if (const auto id = try_acquire(governor, cost, wait)) {
      governor.settle(*id, cost);
      ++granted;
    }
  return granted;
}

}  // namespace

TEST_CASE("no window ever sees more than the quota, and nearly all of it is used") {
  CHECK(rc::check("quota", [] {
    ManualClock clock;
    Governor governor({200, 200, 10'000ms, 100, 150'000ms}, clock);
    struct Charge {
      SteadyTime at;
      double units, writes;
    };
    struct Flight {
      std::uint64_t id;
      Cost cost;
    };
    std::vector<Charge> charges;
    std::vector<Flight> flights;
    const auto steps = *rc::gen::container<std::vector<int>>(400, rc::gen::inRange(0, 1000));
    for (const int step : steps) {
      std::chrono::milliseconds wait{0};
      const Cost cost{static_cast<double>(1 + step % 40),
                      step % 3 == 0 ? static_cast<double>(step % 20) : 0.0};
      if (const auto id = try_acquire(governor, cost, wait)) {
        flights.push_back({*id, cost});
        // The service charges at once, or only when it answers.
        if (step % 2 == 0)
          charges.push_back({clock.steady(), cost.resource_units, cost.writes});
        else
          flights.back().id |= std::uint64_t{1} << 63;
      } else {
        RC_ASSERT(wait > 0ms);
      }
      clock.advance(std::chrono::milliseconds{step});
      if (!flights.empty() && step % 5 != 0) {
        const Flight flight = flights.front();
        flights.erase(flights.begin());
        if (flight.id >> 63)
          charges.push_back({clock.steady(), flight.cost.resource_units, flight.cost.writes});
        governor.settle(flight.id & ~(std::uint64_t{1} << 63), flight.cost);
      }
    }
    for (const Charge& first : charges) {
      double units = 0, writes = 0;
      for (const Charge& charge : charges) {
        if (charge.at < first.at) continue;
        if (charge.at - first.at < 10s) units += charge.units;
        if (charge.at - first.at < 150s) writes += charge.writes;
      }
      RC_ASSERT(units <= 200);
      RC_ASSERT(writes <= 100);
    }
  }));
}

TEST_CASE("the quota is used up and comes back after a window") {
  ManualClock clock;
  Governor governor({}, clock);
  CHECK(spend(governor, 4000) == 3500);
  clock.advance(9'900ms);
  CHECK(spend(governor, 1) == 0);
  clock.advance(200ms);
  CHECK(spend(governor, 4000) == 3500);
  clock.advance(150s);
  CHECK(spend(governor, 3100, {1, 1}) == 3000);
}

TEST_CASE("a pause stops everybody and is said to those who cannot wait") {
  ManualClock clock;
  Governor governor({}, clock);
  governor.apply_pause(40s);
  std::chrono::milliseconds wait{0};
  CHECK_FALSE(governor.acquire({1, 0}, Priority::interactive, 30s, {}, wait));
  CHECK(wait == 40s);
  governor.apply_pause(10s);
  CHECK(governor.status().paused_for == 40s);
  clock.advance(40s);
  CHECK(spend(governor, 1) == 1);
  CHECK(governor.status().resource_units_limit < 3500);
  clock.advance(5min);
  CHECK(governor.status().resource_units_limit == 3500);
}

TEST_CASE("interactive callers go before bulk ones") {
  // acquire() reads the clock with the governor locked and stands in line before it lets go: who has read it
  // is in line.
  struct WatchedClock final : Clock {
    ManualClock inner;
    mutable std::mutex mutex;
    mutable std::set<std::thread::id> readers;
    [[nodiscard]] WallTime wall() const override { return inner.wall(); }
    [[nodiscard]] SteadyTime steady() const override {
      const std::lock_guard lock(mutex);
      readers.insert(std::this_thread::get_id());
      return inner.steady();
    }
    void wait_for_readers(std::size_t count) const {
      for (;; std::this_thread::yield()) {
        const std::lock_guard lock(mutex);
        if (readers.size() >= count) return;
      }
    }
  } clock;
  Governor governor({100, 100, 10'000ms, 100, 150'000ms}, clock);
  std::chrono::milliseconds wait{0};
  const auto held = try_acquire(governor, {100, 0}, wait);
  REQUIRE(held);
  std::mutex mutex;
  std::vector<char> order;
  const auto waiter = [&](Priority priority, char name) {
    std::chrono::milliseconds ignored{0};
    const auto id = governor.acquire({100, 0}, priority, 1h, {}, ignored);
    {
      const std::lock_guard lock(mutex);
      order.push_back(name);
    }
    if (id) governor.settle(*id, {0, 0});
  };
  std::thread bulk(waiter, Priority::bulk, 'b');
  clock.wait_for_readers(2);
  std::thread interactive(waiter, Priority::interactive, 'i');
  clock.wait_for_readers(3);
  governor.settle(*held, {0, 0});
  bulk.join();
  interactive.join();
  CHECK(order == std::vector<char>{'i', 'b'});
}

TEST_CASE("a stop ends the wait") {
  ManualClock clock;
  Governor governor({}, clock);
  governor.apply_pause(1min);
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    std::chrono::milliseconds wait{0};
    return governor.acquire({1, 0}, Priority::bulk, 1h, stop.get_token(), wait).has_value();
  });
  stop.request_stop();
  CHECK_FALSE(waiting.get());
}

TEST_CASE("what others use is inferred from the header and forgotten") {
  ManualClock clock;
  Governor governor({}, clock);
  governor.observe_percentage(0);
  CHECK(governor.status().resource_units_limit == 3500);
  spend(governor, 700);  // a fifth
  governor.observe_percentage(0.9);
  CHECK(governor.status().resource_units_limit == Approx(3500 * 0.3));
  clock.advance(10s);
  CHECK(governor.status().resource_units_limit == 3500);
  governor.set_share({0.5, 0.5}, {0, 0});
  CHECK(governor.status().writes_limit == 1500);
}

TEST_CASE("a larger tenant is learnt only from a header that says so for a whole window") {
  ManualClock clock;
  Governor governor({}, clock);
  for (int second = 0; second < 25; ++second) {
    spend(governor, 3500);
    governor.observe_percentage(governor.status().resource_units_used /
                                4375);  // what a tenant of 4375 would say
    clock.advance(1s);
    if (second == 5) CHECK(governor.status().resource_units_limit == 3500);
  }
  const double learnt = governor.status().resource_units_limit;
  CHECK(learnt > 4000);
  CHECK(learnt <= 4375);
  governor.apply_pause(1s);
  CHECK(governor.status().resource_units_limit < learnt);
}

TEST_CASE("what counts already is held until it has left the window") {
  ManualClock clock;
  Governor governor({1000, 1000, 10s, 100, 150s}, clock);
  spend(governor, 600);
  CHECK(governor.set_share({0.25, 0.25}, {0.4, 0.4}) == PerQuota{0.6, 0.25});
  CHECK(spend(governor, 1) == 0);
  clock.advance(11s);
  CHECK(governor.set_share({0.25, 0.25}, {0.4, 0.4}) == PerQuota{0.25, 0.25});
  CHECK(spend(governor, 1000) == 250);
  CHECK(governor.demand().used[0] == Approx(0.25));
  CHECK(governor.demand().is_short == std::array<bool, 2>{true, false});
}

TEST_CASE("a share ends by itself when nobody renews it") {
  ManualClock clock;
  Governor governor({}, clock);
  governor.set_lease(clock.steady() + 8s);
  CHECK(spend(governor, 1) == 1);
  clock.advance(8s);
  CHECK(spend(governor, 1) == 0);
  std::chrono::milliseconds wait{0};
  try_acquire(governor, {1, 0}, wait);
  CHECK(wait == 1s);  // not at once: nothing would have changed
}

TEST_CASE("a caution of ours never takes more than our share") {
  ManualClock clock;
  Governor governor({}, clock);
  governor.set_share({0.01, 0.001}, {0.9, 0.9});
  CHECK(governor.status().resource_units_limit == Approx(35));  // below the floor of a full batch
  CHECK(governor.status().writes_limit == Approx(3));
}

TEST_CASE("the observer hears of a pause once, and not of those of others") {
  ManualClock clock;
  Governor governor({}, clock);
  std::vector<std::chrono::milliseconds> heard;
  governor.on_pause([&](std::chrono::milliseconds pause) { heard.push_back(pause); });
  governor.apply_pause(10s);
  governor.apply_pause(10s);  // the next part of the same batch
  governor.apply_pause(5s);
  governor.obey_pause(20s);
  CHECK(governor.status().paused_for == 20s);
  governor.apply_pause(30s);
  CHECK(heard == std::vector<std::chrono::milliseconds>{10s, 30s});
}

TEST_CASE("what a call that was sent away needs is remembered until it is to come again") {
  ManualClock clock;
  Governor governor({1000, 1000, 10'000ms, 100, 30'000ms}, clock);
  CHECK(spend(governor, 1, {2, 2}) == 1);
  std::chrono::milliseconds wait{0};
  CHECK_FALSE(try_acquire(governor, {99, 99}, wait));
  CHECK(wait == 30'000ms);
  CHECK(governor.demand().waiting[1] == Approx(0.99));  // beside what counts
  clock.advance(wait);
  CHECK(governor.demand().used[1] == 0);
  CHECK(governor.demand().waiting[1] == Approx(1.01));  // it will go the same way again
  clock.advance(5s);
  CHECK(governor.demand().waiting[1] == 0);
}

TEST_CASE("what is refused because of a stop is no need") {
  ManualClock clock;
  Governor governor({10, 10, 10'000ms, 100, 30'000ms}, clock);
  CHECK(spend(governor, 1, {10, 0}) == 1);
  std::stop_source stop;
  stop.request_stop();
  std::chrono::milliseconds wait{0};
  CHECK_FALSE(governor.acquire({5, 0}, Priority::bulk, 1min, stop.get_token(), wait));
  CHECK(governor.demand().waiting[0] == 0);
}
