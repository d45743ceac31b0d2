#include "common/core/token_bucket.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <vector>

#include <rapidcheck.h>

using namespace std::chrono_literals;
using rollcall::SteadyTime;
using rollcall::WindowBudget;

namespace {

const SteadyTime start{24h};

struct Request {
  std::chrono::milliseconds gap;  // since the request before
  double units;
  std::chrono::milliseconds flight;  // from reservation to settlement
  double charged_at;                 // where in the flight the service counts it
};

struct Charge {
  SteadyTime at;
  double units;
};

struct InFlight {
  SteadyTime settled_at;
  double units;
};

std::vector<Charge> run(WindowBudget& budget, const std::vector<Request>& requests) {
  std::vector<Charge> charges;
  std::vector<InFlight> in_flight;
  SteadyTime now = start;
  for (const Request& request : requests) {
    now += request.gap;
    std::ranges::sort(in_flight, {}, &InFlight::settled_at);
    while (!in_flight.empty() && in_flight.front().settled_at <= now) {
      budget.settle(in_flight.front().units, in_flight.front().units, in_flight.front().settled_at);
      in_flight.erase(in_flight.begin());
    }
    if (budget.wait_for(request.units, now) != 0ms) continue;
    budget.reserve(request.units);
    in_flight.push_back({now + request.flight, request.units});
    const auto delay = static_cast<double>(request.flight.count()) * request.charged_at;
    charges.push_back({now + std::chrono::milliseconds{static_cast<int>(delay)}, request.units});
  }
  return charges;
}

std::vector<Request> some_requests() {
  const auto tenths = [](int from, int to) {
    return rc::gen::map(rc::gen::inRange(from, to), [](int n) { return n / 10.0; });
  };
  const auto span = [](int to) {
    return rc::gen::map(rc::gen::inRange(0, to), [](int n) { return std::chrono::milliseconds{n}; });
  };
  return *rc::gen::container<std::vector<Request>>(
      rc::gen::construct<Request>(span(1500), tenths(1, 60), span(3000), tenths(0, 11)));
}

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

TEST_CASE("in no window does the service count more than the limit", "[unit][budget]") {
  const bool holds = rc::check("sum of charges in [t, t + window) <= limit", [] {
    const std::chrono::milliseconds window{*rc::gen::element(7, 100, 1000, 10'000, 20'007)};
    WindowBudget budget(10, window);
    const auto charges = run(budget, some_requests());
    for (const Charge& first : charges) {
      double sum = 0;
      for (const Charge& other : charges)
        if (other.at >= first.at && other.at < first.at + window) sum += other.units;
      RC_ASSERT(sum <= 10 + 1e-6);
    }
  });
  REQUIRE(holds);
}

TEST_CASE("after the wait it names, a budget has room", "[unit][budget]") {
  const bool holds = rc::check("wait_for is enough, and no longer than a window", [] {
    const std::chrono::milliseconds window{*rc::gen::element(7, 1000, 20'007)};
    WindowBudget budget(10, window);
    SteadyTime now = start + std::chrono::milliseconds{*rc::gen::inRange(0, 1000)};
    for (const Request& request : some_requests()) {
      now += request.gap;
      const auto wait = budget.wait_for(request.units, now);
      RC_ASSERT(wait.has_value());
      RC_ASSERT(*wait <= window);
      now += *wait;
      RC_ASSERT(budget.wait_for(request.units, now) == std::optional{std::chrono::milliseconds{0}});
      budget.reserve(request.units);
      budget.settle(request.units, request.units, now);
    }
  });
  REQUIRE(holds);
}
