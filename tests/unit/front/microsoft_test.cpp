#include "workers/front/core/microsoft.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;

namespace {
const Uuid group = *Uuid::parse("00000002-0000-4000-8000-000000000001");
const Uuid member = *Uuid::parse("00000001-0000-4000-8000-000000000002");
const Uuid intent = *Uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");
}  // namespace

TEST_CASE("A mail nickname is made of what may stand in one, and is the intention's own") {
  CHECK(mail_nickname_for("Board & Staff", intent) == "Board-Staff-099a8057");
  CHECK(mail_nickname_for("  Größe  ", intent) == "Gr-e-099a8057");
  CHECK(mail_nickname_for("東京", intent) == "group-099a8057");
  CHECK(mail_nickname_for(std::string(300, 'a'), intent).size() == 64);
  CHECK(unique_group_name(intent) == "rollcall-01890a5d-ac96-774b-bcce-b302099a8057");
}

TEST_CASE("A page of members is one of this group, whatever the cursor says") {
  const std::string path = members_path(group, 50);
  const auto position = members_position(group, path + "&$skiptoken=RFNwdAIAAQ");
  CHECK(members_page_path(group, position) == path + "&$skiptoken=RFNwdAIAAQ");
  CHECK(members_position(group, "/groups/" + member.to_string() + "/members?$skiptoken=x").empty());
  CHECK(members_position(group, "").empty());
  for (const auto* bad : {"", "a b", "a#b", "a\r\nb", "a\"b", "a<b", "\x80"})
    CHECK_FALSE(members_page_path(group, bad));
}

TEST_CASE("What Graph's answer to a change of one member means") {
  using enum MemberOutcome;
  const std::string exists = "One or more added object references already exist for the following …";
  const std::string not_in = "One or more removed object references do not exist for the following …";
  const std::string young = "The source resource object or one of the objects being referenced don't exist";
  const auto missing = [](const Uuid& id) { return "Resource '" + id.to_string() + "' does not exist …"; };
  struct Case {
    GraphAnswer answer;
    MemberOutcome added, added_again, removed, removed_again;  // again: after an answer that was lost
  };
  const std::vector<Case> cases = {
      {{204, ""}, done, done, done, done},
      {{400, exists}, already, done, refused, refused},
      {{400, not_in}, refused, refused, already, done},
      {{400, young}, again, again, again, again},
      {{400, "else"}, refused, refused, refused, refused},
      {{403, ""}, refused, refused, refused, refused},
      {{404, missing(member)}, absent, absent, already, done},
      {{404, missing(group)}, group_missing, group_missing, group_missing, group_missing},
      {{404, ""}, absent, absent, already, done},
      {{0, ""}, again, again, again, again},
      {{409, ""}, again, again, again, again},
      {{429, ""}, again, again, again, again},
      {{503, ""}, again, again, again, again},
  };
  for (const auto& one : cases) {
    INFO(one.answer.status << " " << one.answer.message);
    CHECK(judge_addition(one.answer, group, member, false) == one.added);
    CHECK(judge_addition(one.answer, group, member, true) == one.added_again);
    CHECK(judge_removal(one.answer, group, member, false) == one.removed);
    CHECK(judge_removal(one.answer, group, member, true) == one.removed_again);
  }
}
