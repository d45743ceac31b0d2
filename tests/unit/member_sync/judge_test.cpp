#include "workers/member_sync/core/judge.h"

#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

// Changes 0 to 2 add members 1 to 3; change 3 removes member 4.
const Plan plan{ids({1, 2, 3}), ids({4}), {}};
constexpr auto many = StepKind::add_many;
constexpr auto one = StepKind::add_one;
constexpr auto removal = StepKind::remove_one;

const std::string exists =
    "One or more added object references ALREADY exist for the following modified properties: 'members'.";
const std::string no_member =
    "One or more removed object references do not exist for the following modified properties: 'members'.";
std::string missing(const Uuid& which) {
  return "Resource '" + which.to_string() +
         "' does not exist or one of its queried reference-property objects are not present.";
}

Step step(StepKind kind, int attempts = 0, bool maybe = false) {
  if (kind == many) return {many, {0, 1, 2}, attempts, maybe};
  return {kind, {kind == one ? 0U : 3U}, attempts, maybe};
}

/// A judgement in words: what is settled, what is sent again.
std::string words(const Judgement& judgement) {
  std::string text;
  for (const Settled& settled : judgement.settled)
    text += std::to_string(settled.change) + ":" + settled.code + " ";
  for (const Step& again : judgement.again) {
    text += again.kind == many ? "many(" : again.kind == one ? "one(" : "remove(";
    for (const auto change : again.changes)
      text += std::to_string(change);
    text += again.maybe_applied ? "?)" : ")";
    text += "x" + std::to_string(again.attempts) + " ";
  }
  if (judgement.later) text += "later ";
  if (judgement.throttled) text += "throttled ";
  if (judgement.overloaded) text += "overloaded ";
  if (judgement.group_in_doubt) text += "doubt ";
  if (judgement.stop) text += "stop:" + judgement.stop->code + " ";
  return text.empty() ? text : text.substr(0, text.size() - 1);
}

}  // namespace

TEST_CASE("what answers to membership writes mean") {
  struct Case {
    const char* why;
    Step step;
    int status;
    std::string message;
    const char* expected;
  };
  const std::vector<Case> cases{
      {"all bound", step(many), 204, "", "0:applied 1:applied 2:applied"},
      {"removed", step(removal), 204, "", "3:applied"},
      {"one of many exists, which is not said", step(many), 400, exists, "one(0)x0 one(1)x0 one(2)x0"},
      {"after silence the doubt stays with the singles", step(many, 1, true), 400, exists,
       "one(0?)x0 one(1?)x0 one(2?)x0"},
      {"somebody else added them", step(one), 400, exists, "0:already"},
      {"we did, and never heard", step(one, 1, true), 400, exists, "0:applied"},
      {"an entry is named as missing", step(many), 404, missing(id(2)), "1:member_not_found many(02)x0"},
      {"the member is missing", step(one), 404, missing(id(1)), "0:member_not_found"},
      {"the group is named", step(many), 404, missing(group_id), "doubt"},
      {"nobody known is named", step(many), 404, "not found", "one(0)x0 one(1)x0 one(2)x0"},
      {"removal: not a member, 400", step(removal), 400, no_member, "3:already"},
      {"removal: not a member, 404", step(removal), 404, missing(id(4)), "3:already"},
      {"removal: gone after silence", step(removal, 1, true), 404, missing(id(4)), "3:applied"},
      {"removal: the group is named", step(removal), 404, missing(group_id), "doubt"},
      {"forbidden among many", step(many), 403, "Insufficient privileges", "one(0)x0 one(1)x0 one(2)x0"},
      {"forbidden", step(one), 403, "Insufficient privileges", "0:graph_not_permitted"},
      {"a guest", step(one), 403, "Guests users are not allowed to join this Unified Group",
       "0:guests_not_allowed"},
      {"removal forbidden", step(removal), 403, "", "3:graph_not_permitted"},
      {"a type the group does not take", step(one), 400, "The object type is not supported here",
       "0:member_type_not_allowed"},
      {"some other refusal", step(one), 400, "Invalid", "0:graph_refused"},
      {"some other refusal among many", step(many), 400, "Invalid", "one(0)x0 one(1)x0 one(2)x0"},
      {"group just created", step(many), 400,
       "The source resource object or one of the objects being referenced don't exist", "many(012)x1 later"},
      {"no answer", step(many), 0, "", "many(012?)x1 later"},
      {"server error", step(removal), 500, "", "remove(3?)x1 later"},
      {"overloaded", step(many), 503, "", "many(012?)x1 later overloaded"},
      {"behind a failed part", step(one), 424, "", "one(0)x1 later"},
      {"conflict", step(one), 409, "", "one(0)x1 later"},
      {"locked", step(one), 423, "", "one(0)x1 later"},
      {"fifth failure", step(one, 4), 502, "", "0:graph_unavailable"},
      {"fifth conflict", step(one, 4), 409, "", "0:graph_refused"},
      {"throttled: no attempt is spent", step(many, 4), 429, "", "many(012)x4 later throttled"},
      {"no permission at all", step(many), 401, "", "stop:graph_not_permitted"},
  };
  for (const Case& each : cases) {
    INFO(each.why);
    CHECK(words(judge(each.step, {each.status, "", each.message, {}}, plan, group_id)) == each.expected);
  }
}

TEST_CASE(
    "once the group was seen, a 404 that names it passes, and says nothing about a member when it lasts") {
  const Answer answer{404, "Request_ResourceNotFound", missing(group_id), {}};
  CHECK(words(judge(step(removal), answer, plan, group_id, true)) == "remove(3)x1 later");
  CHECK(words(judge(step(one), answer, plan, group_id, true)) == "one(0)x1 later");
  CHECK(words(judge(step(many), answer, plan, group_id, true)) == "many(012)x1 later");
  const int last = step_attempts_max - 1;
  for (const auto kind : {removal, one, many}) {
    const auto judgement = judge(step(kind, last), answer, plan, group_id, true);
    CHECK(judgement.again.empty());
    CHECK(judgement.settled.size() == (kind == many ? 3 : 1));
    for (const Settled& settled : judgement.settled) {
      CHECK(settled.code == "group_not_visible");
      CHECK(settled.passing());
    }
    CHECK(words(judge(step(kind, last), answer, plan, group_id)) == "doubt");
  }
}

TEST_CASE("a verdict about a member does not pass") {
  for (const char* code : {"applied", "already", "member_not_found", "graph_refused", "graph_not_permitted"})
    CHECK_FALSE(Settled{0, code, ""}.passing());
  CHECK(Settled{0, "graph_unavailable", ""}.passing());
}
