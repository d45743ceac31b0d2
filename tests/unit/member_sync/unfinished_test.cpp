#include "workers/member_sync/core/unfinished.h"

#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

TEST_CASE("of a plan cut short, what the group shows and nobody put on record is told apart from the rest") {
  Plan plan;
  plan.adds = ids({1, 2, 3, 4});
  plan.removals = ids({7, 8, 9});
  const std::vector<Settled> finished{{0, applied, ""}, {3, "guests_not_allowed", "no"}, {4, applied, ""}};
  const auto found = aftermath(plan, finished, ids({1, 2, 9}));
  CHECK(found.in_effect == std::vector<std::uint32_t>{1, 5});  // 2 was added, 8 removed
  CHECK(found.open);                                           // 3 and 9
}

TEST_CASE("nothing is open in a plan all of whose changes are on record or in effect") {
  Plan plan;
  plan.adds = ids({1, 2});
  const std::vector<Settled> finished{{0, applied, ""}};
  CHECK_FALSE(aftermath(plan, finished, ids({1, 2})).open);
  CHECK(aftermath(plan, finished, ids({1})).open);
}
