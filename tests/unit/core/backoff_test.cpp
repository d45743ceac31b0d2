#include "common/core/backoff.h"

#include "tests/support/catch.h"

#include <limits>

using namespace std::chrono_literals;
using rollcall::Backoff;

TEST_CASE("backoff doubles its ceiling with each attempt up to the cap", "[unit][backoff]") {
  const Backoff backoff{.base = 100ms, .cap = 1000ms};
  const double almost_one = 1 - std::numeric_limits<double>::epsilon();
  CHECK(backoff.delay(1, almost_one) == 99ms);
  CHECK(backoff.delay(2, almost_one) == 199ms);
  CHECK(backoff.delay(4, almost_one) == 799ms);
  CHECK(backoff.delay(5, almost_one) == 999ms);
  CHECK(backoff.delay(1'000'000, almost_one) == 999ms);
}

TEST_CASE("backoff is never less than a tenth of its ceiling", "[unit][backoff]") {
  const Backoff backoff{.base = 100ms, .cap = 1000ms};
  CHECK(backoff.delay(1, 0) == 10ms);
  CHECK(backoff.delay(9, 0) == 100ms);
}

TEST_CASE("an attempt below one counts as the first", "[unit][backoff]") {
  const Backoff backoff;
  CHECK(backoff.delay(0, 0.5) == backoff.delay(1, 0.5));
  CHECK(backoff.delay(-7, 0.5) == backoff.delay(1, 0.5));
}
