#include "workers/front/core/rate_limit.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;
using namespace std::chrono_literals;

TEST_CASE("A caller has its burst, then its pace, and is told how long to wait") {
  RateLimiter limiter({.per_second = 2, .burst = 3});
  const SteadyTime start{};
  for (int i = 0; i < 3; ++i)
    CHECK_FALSE(limiter.take("a", start));
  CHECK(limiter.take("a", start) == 501ms);
  CHECK_FALSE(limiter.take("b", start));
  CHECK_FALSE(limiter.take("a", start + 501ms));
  CHECK(limiter.take("a", start + 501ms));
}

TEST_CASE("Callers without end are not remembered without end") {
  RateLimiter limiter({.per_second = 1, .burst = 2}, 100);
  SteadyTime now{};
  for (int i = 0; i < 10'000; ++i)
    limiter.take("caller " + std::to_string(i), now);
  CHECK(limiter.remembered() <= 101);
  // All of them are refilled by then: room for others, each with its own bucket again.
  now += 10s;
  CHECK_FALSE(limiter.take("new", now));
  CHECK_FALSE(limiter.take("newer", now));
  CHECK(limiter.remembered() <= 3);
}
