#include "common/graph/circuit_breaker.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;

namespace {

constexpr CircuitBreakerOptions options{3, {2s, 1min}};
using State = CircuitBreaker::State;

void fail_times(CircuitBreaker& breaker, int times, SteadyTime now) {
  for (int i = 0; i < times; ++i)
    breaker.failed(now, 0.5);
}

}  // namespace

TEST_CASE("only failures one after the other open it") {
  const SteadyTime now{24h};
  CircuitBreaker breaker{options};
  fail_times(breaker, 2, now);
  breaker.succeeded();
  fail_times(breaker, 2, now);
  CHECK_FALSE(breaker.refuse(now));
  breaker.failed(now, 0.5);
  CHECK(breaker.state(now) == State::open);
  CHECK(breaker.refuse(now) == 1100ms);  // 2 s times (0.1 + 0.9 * 0.5)
}

TEST_CASE("one probe at a time decides") {
  SteadyTime now{24h};
  CircuitBreaker breaker{options};
  fail_times(breaker, 3, now);
  now += 1100ms;
  CHECK(breaker.state(now) == State::half_open);
  CHECK_FALSE(breaker.refuse(now));
  CHECK(breaker.refuse(now));  // another call meets the probe
  SECTION("an answer closes it") {
    breaker.succeeded();
    CHECK(breaker.state(now) == State::closed);
    CHECK_FALSE(breaker.refuse(now));
    CHECK_FALSE(breaker.refuse(now));
  }
  SECTION("a failure opens it for longer") {
    breaker.failed(now, 0.5);
    CHECK(breaker.refuse(now) == 2200ms);
  }
  SECTION("a probe not made leaves its place") {
    breaker.not_made();
    CHECK_FALSE(breaker.refuse(now));
  }
}

TEST_CASE("calls under way when it opens do not keep it open") {
  SteadyTime now{24h};
  CircuitBreaker breaker{options};
  fail_times(breaker, 3, now);
  now += 1s;
  fail_times(breaker, 5, now);
  CHECK(breaker.refuse(now) == 100ms);
}
