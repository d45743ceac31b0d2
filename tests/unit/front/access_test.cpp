#include "workers/front/core/access.h"

#include "tests/support/catch.h"

using namespace rollcall::front;

TEST_CASE("Who may do what with an organization") {
  const Standing stranger{false, true, std::nullopt}, member{false, true, "member"},
      admin{false, true, "admin"}, owner{false, true, "owner"}, operates{true, true, std::nullopt},
      foreign_operator{true, false, std::nullopt}, foreign_admin{false, false, "admin"};
  struct Case {
    Access access;
    Standing standing;
    Verdict verdict;
  };
  const std::vector<Case> cases = {
      {Access::organization_admin, admin, Verdict::allowed},
      {Access::organization_admin, owner, Verdict::allowed},
      {Access::organization_admin, operates, Verdict::allowed},
      {Access::organization_admin, member, Verdict::forbidden},
      {Access::organization_admin, stranger, Verdict::invisible},
      {Access::organization_admin, foreign_operator, Verdict::invisible},
      {Access::organization_admin, foreign_admin, Verdict::invisible},
      {Access::organization_member, member, Verdict::allowed},
      {Access::organization_member, stranger, Verdict::invisible},
      {Access::operator_only, admin, Verdict::forbidden},
      {Access::operator_only, operates, Verdict::allowed},
      {Access::operator_only, stranger, Verdict::invisible},
  };
  for (const auto& one : cases)
    CHECK(judge(one.access, one.standing) == one.verdict);
  CHECK(judge(Access::operator_only, false) == Verdict::forbidden);
  CHECK(judge(Access::operator_only, true) == Verdict::allowed);
  CHECK(judge(Access::signed_in, false) == Verdict::allowed);
}

TEST_CASE("A role is an admin's by its exact name") {
  CHECK(administers("admin"));
  CHECK(administers("owner"));
  for (const auto* role : {"", "Admin", "administrator", "member", "admin "})
    CHECK_FALSE(administers(role));
}
