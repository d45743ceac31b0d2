#include "common/core/group_absence.h"

#include "tests/support/catch.h"

using namespace rollcall;

TEST_CASE("a group is gone only where two looks found it nowhere, and the link is old enough") {
  using std::chrono::minutes;
  const GroupLook there{200, 0}, nowhere{404, 404}, deleted{404, 200}, denied{404, 403}, lost{404, 0};
  CHECK(judge_group(nowhere, nowhere, minutes(60)) == GroupState::gone);
  CHECK(judge_group(nowhere, nowhere, minutes(14)) == GroupState::missing);
  CHECK(judge_group(nowhere, there, minutes(60)) == GroupState::active);
  CHECK(judge_group(there, nowhere, minutes(60)) == GroupState::active);
  CHECK(judge_group(nowhere, deleted, minutes(60)) == GroupState::deleted);
  CHECK(judge_group(deleted, deleted, minutes(60)) == GroupState::deleted);
  for (const auto& unclear : {denied, lost})
    CHECK(judge_group(nowhere, unclear, minutes(60)) == GroupState::missing);
}

TEST_CASE("a deleted group can be restored for 30 days") {
  CHECK(restorable_until("2026-11-01T10:00:00Z").starts_with("2026-12-01T10:00:00"));
  CHECK(restorable_until("yesterday").empty());
}
