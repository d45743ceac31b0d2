#include "common/core/token_bucket.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <rapidcheck.h>

using namespace std::chrono_literals;
using rollcall::SteadyTime;
using rollcall::WindowBudget;

namespace {

const SteadyTime start{24h};

/// rapidcheck draws from small ranges in its first cases; here no case may be a small one.
int number(int from, int to) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to + 1));
}

/// What a budget should know, kept without slots: every settlement by itself.
class Ledger {
 public:
  Ledger(double units, std::chrono::milliseconds window) : limit(units), window_(window) {}

  void reserve(double units) { in_flight += units; }
  void settle(double reserved, double actual, SteadyTime now) {
    in_flight -= reserved;
    settled_.push_back({now, actual});
  }
  /// Units that count at `now`, had each settlement counted for `longer` than a window.
  [[nodiscard]] double used(SteadyTime now, SteadyTime::duration longer = {}) const {
    double sum = in_flight;
    for (const Settlement& one : settled_)
      if (one.at + window_ + longer > now) sum += one.units;
    return sum;
  }
  double limit;
  double in_flight = 0;

 private:
  struct Settlement {
    SteadyTime at;
    double units;
  };
  std::chrono::milliseconds window_;
  std::vector<Settlement> settled_;
};

constexpr double tolerance = 1e-6;

/// A budget and its ledger, driven by the same random steps, time mostly standing at the edges of windows and
/// of the slots that the budget keeps.
class Driver {
 public:
  explicit Driver(std::chrono::milliseconds window)
      : window_(window), slot_(std::max(1ms, window / 300)), budget_(10, window), ledger_(10, window) {}

  void step() {
    advance();
    switch (number(0, 9)) {
      case 0:
        budget_.set_limit(ledger_.limit = number(50, 150) / 10.0);
        break;
      case 1:  // answers so close together that each falls into the slot of the one before, were it to move
        for (int i = 0; i < 8; ++i) {
          now_ += slot_ / 2;
          budget_.settle(0, 0.1, now_);
          ledger_.settle(0, 0.1, now_);
        }
        break;
      case 2:
      case 3:
        settle();
        break;
      default:
        spend();
    }
    check_used();
  }

 private:
  void advance() {
    const auto edge =
        *rc::gen::element(0ms, 0ms, slot_, slot_, window_ / 7, window_ - slot_, window_, window_ + slot_);
    // A moment before the edge, on it, after it.
    now_ += std::max<SteadyTime::duration>(
        0ms, edge + std::chrono::microseconds{*rc::gen::element(0, 0, -1, 1, 300, -1000, 1000)});
  }
  void settle() {
    if (flights_.empty()) return;
    const auto flight = flights_.begin() + number(0, static_cast<int>(flights_.size()) - 1);
    const double reserved = *flight;
    const double actual = *rc::gen::element(reserved, reserved, 0.0, reserved / 2, reserved + 0.7);
    flights_.erase(flight);
    budget_.settle(reserved, actual, now_);
    ledger_.settle(reserved, actual, now_);
  }
  void spend() {
    const double units = number(1, 60) / 10.0;
    check_wait(units);
    if (budget_.wait_for(units, now_) != 0ms) return;
    // The promise itself: whoever asks never spends more than the limit in what the service may look at.
    RC_ASSERT(ledger_.used(now_) + units <= ledger_.limit + tolerance);
    budget_.reserve(units);
    ledger_.reserve(units);
    flights_.push_back(units);
  }
  void check_used() {
    const double used = budget_.used(now_);
    RC_ASSERT(used >= ledger_.used(now_) - tolerance);         // none a moment too short
    RC_ASSERT(used <= ledger_.used(now_, slot_) + tolerance);  // and none longer than a slot
  }
  void check_wait(double units) {
    const auto wait = budget_.wait_for(units, now_);
    if (ledger_.in_flight + units > ledger_.limit + tolerance) RC_ASSERT(!wait.has_value());
    if (ledger_.in_flight + units <= ledger_.limit) RC_ASSERT(wait.has_value());
    if (wait) RC_ASSERT(*wait >= 0ms);
    if (!wait || *wait == 0ms) return;
    WindowBudget later = budget_, sooner = budget_;
    RC_ASSERT(later.used(now_ + *wait) + units <= ledger_.limit + tolerance);
    RC_ASSERT(sooner.used(now_ + *wait - 1ms) + units > ledger_.limit);
  }

  std::chrono::milliseconds window_, slot_;
  WindowBudget budget_;
  Ledger ledger_;
  SteadyTime now_ = start;
  std::vector<double> flights_;
};

}  // namespace

TEST_CASE("the whole quota may be spent at once, and not a unit more", "[unit][budget]") {
  WindowBudget budget(10, 10s);
  CHECK(budget.wait_for(10, start) == 0ms);
  budget.reserve(10);
  CHECK(budget.wait_for(0.1, start) == std::nullopt);
  CHECK(budget.used(start) == Approx(10));
}

TEST_CASE("a unit counts until one window after it was settled", "[unit][budget]") {
  WindowBudget budget(10, 10s);
  budget.reserve(10);
  budget.settle(10, 10, start + 3s);
  CHECK(budget.wait_for(1, start + 3s) == 10s);
  CHECK(budget.wait_for(1, start + 12'999ms) == 1ms);
  CHECK(budget.wait_for(10, start + 13s) == 0ms);
}

TEST_CASE("settlements close together expire together, at the time of the last", "[unit][budget]") {
  WindowBudget budget(10, 30s);
  budget.reserve(2);
  budget.settle(1, 1, start);
  budget.settle(1, 1, start + 99ms);
  CHECK(budget.used(start + 30s) == Approx(2));
  CHECK(budget.used(start + 30s + 99ms) == Approx(0));
}

TEST_CASE("what a request did not use comes back at once", "[unit][budget]") {
  WindowBudget budget(10, 10s);
  budget.reserve(8);
  budget.settle(8, 2, start);
  CHECK(budget.used(start) == Approx(2));
  budget.reserve(3);
  budget.settle(3, 0, start);
  CHECK(budget.used(start) == Approx(2));
}

TEST_CASE("what a request used beyond its reservation counts too", "[unit][budget]") {
  WindowBudget budget(10, 10s);
  budget.reserve(1);
  budget.settle(1, 12, start);
  CHECK(budget.used(start) == Approx(12));
  CHECK(budget.wait_for(1, start) == 10s);
}

TEST_CASE("a lowered limit waits for what was spent under the higher one", "[unit][budget]") {
  WindowBudget budget(10, 10s);
  budget.reserve(4);
  budget.settle(4, 4, start);
  budget.reserve(4);
  budget.settle(4, 4, start + 5s);
  budget.set_limit(5);
  CHECK(budget.limit() == Approx(5));
  CHECK(budget.wait_for(1, start + 5s) == 5s);
  CHECK(budget.wait_for(2, start + 5s) == 10s);
}

TEST_CASE("more units than the limit never fit", "[unit][budget]") {
  WindowBudget budget(10, 10s);
  CHECK(budget.wait_for(11, start) == std::nullopt);
}

TEST_CASE("a quota of fractions fits whole again after any number of rounds", "[unit][budget]") {
  WindowBudget budget(1, 1s);
  SteadyTime now = start;
  for (int round = 0; round < 10'000; ++round, now += 1s) {
    for (int i = 0; i < 10; ++i) {
      REQUIRE(budget.wait_for(0.1, now) == 0ms);
      budget.reserve(0.1);
    }
    for (int i = 0; i < 10; ++i)
      budget.settle(0.1, 0.1, now);
  }
}

TEST_CASE("a budget counts what a list of all settlements counts, and names the very wait",
          "[unit][budget]") {
  for (const auto window : {7ms, 100ms, 300ms, 20'007ms}) {
    const bool holds = rc::check("budget and ledger agree within a slot", [window] {
      Driver driver(window);
      for (int i = 0; i < 150; ++i)
        driver.step();
    });
    REQUIRE(holds);
  }
}

TEST_CASE("in no window does the service count more than the limit", "[unit][budget]") {
  const bool holds = rc::check("sum of charges in [t, t + window) <= limit", [] {
    const std::chrono::milliseconds window{*rc::gen::element(7, 100, 1000, 20'007)};
    const auto whole = static_cast<int>(window.count());
    WindowBudget budget(10, window);
    struct Flight {
      SteadyTime settled_at;
      double units;
    };
    struct Charge {
      SteadyTime at;
      double units;
    };
    std::vector<Flight> in_flight;
    std::vector<Charge> charges;
    SteadyTime now = start;
    const auto settle_due = [&] {
      std::ranges::sort(in_flight, {}, &Flight::settled_at);
      while (!in_flight.empty() && in_flight.front().settled_at <= now) {
        const auto [settled_at, units] = in_flight.front();
        budget.settle(units, units, settled_at);
        in_flight.erase(in_flight.begin());
      }
    };
    // A client that always wants more: it asks, waits as long as it is told, and asks again.
    for (int i = 0; i < 200; ++i) {
      settle_due();
      const double units = number(1, 60) / 10.0;
      const auto wait = budget.wait_for(units, now);
      if (wait == 0ms) {
        const std::chrono::milliseconds flight{number(0, 3) == 0 ? number(0, 2 * whole)
                                                                 : number(0, whole / 20)};
        budget.reserve(units);
        in_flight.push_back({now + flight, units});
        // The service counts it at some time between its sending and its answer.
        charges.push_back({now + flight * number(0, 10) / 10, units});
        if (number(0, 2) == 0) now += 1ms;
        continue;
      }
      SteadyTime next = wait ? now + *wait : in_flight.front().settled_at;
      for (const Flight& flight : in_flight)
        next = std::min(next, flight.settled_at);
      now = std::max(now, next);
    }
    for (const Charge& first : charges) {
      double sum = 0;
      for (const Charge& other : charges)
        if (other.at >= first.at && other.at < first.at + window) sum += other.units;
      RC_ASSERT(sum <= 10 + tolerance);
    }
  });
  REQUIRE(holds);
}
