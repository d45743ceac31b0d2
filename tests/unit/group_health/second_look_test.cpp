#include "workers/group_health/core/second_look.h"

#include "common/core/group_health.h"
#include "tests/support/catch.h"

using namespace rollcall::group_health;
using namespace std::chrono_literals;

TEST_CASE("a group is gone only after two looks with the delay between them, and an old link") {
  CHECK(second_look(15min, 24h, 15min).gone);
  CHECK_FALSE(second_look(14min, 24h, 15min).gone);
  CHECK_FALSE(second_look(0ms, 24h, 15min).gone);
  CHECK_FALSE(second_look(15min, 14min, 15min).gone);
}

TEST_CASE("the second look comes when it can count") {
  CHECK(second_look(0ms, 24h, 15min).again_in == 15min);
  CHECK(second_look(10min, 24h, 15min).again_in == 5min);
  CHECK(second_look(20min, 5min, 15min).again_in == 10min);  // the link is too young
  CHECK(second_look(0ms, 24h, 0ms).again_in == 1s);          // never at once
}

TEST_CASE("so many absent groups are suspicious, and all of them are") {
  const AbsenceLimits limits;
  CHECK_FALSE(suspicious(0, 0, limits));
  CHECK_FALSE(suspicious(1, 1, limits));  // of one alone nobody can tell
  CHECK_FALSE(suspicious(1, 2, limits));
  CHECK(suspicious(2, 2, limits));
  CHECK_FALSE(suspicious(3, 10, limits));
  CHECK(suspicious(4, 10, limits));
  CHECK_FALSE(suspicious(10, 100, limits));
  CHECK(suspicious(11, 100, limits));
  CHECK_FALSE(suspicious(90, 100, {.floor = 3, .share = 0.95}));
}
