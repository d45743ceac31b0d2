#include "tests/unit/advisor_scan/world.h"
#include "workers/advisor_scan/run_events.h"

using namespace rollcall;
using namespace rollcall::advisor_test;

namespace {

Snapshot failing(long failures = 3) {
  auto snapshot = healthy();
  snapshot.histories[0].failures = failures;
  return snapshot;
}

/// What stands after the first scan of it.
std::vector<Standing> standing_after(const Snapshot& snapshot) {
  std::vector<Standing> standing;
  for (const auto& one : reconcile(snapshot, default_limits(), {}).raise)
    standing.push_back(
        {one.rule->id, one.found.organization, one.found.subject, one.severity(), one.found.evidence, false});
  return standing;
}

}  // namespace

TEST_CASE("A finding opens, stays, changes and resolves with its cause") {
  const auto first = reconcile(failing(), default_limits(), {});
  REQUIRE(first.raise.size() == 1);
  CHECK(first.raise[0].opened);
  CHECK(first.resolve.empty());
  auto standing = standing_after(failing());
  const auto again = reconcile(failing(), default_limits(), standing);
  CHECK(again.raise.empty());
  CHECK(again.resolve.empty());
  CHECK(again.unchanged == 1);
  const auto worse = reconcile(failing(4), default_limits(), standing);
  REQUIRE(worse.raise.size() == 1);
  CHECK_FALSE(worse.raise[0].opened);
  const auto mended = reconcile(healthy(), default_limits(), standing);
  CHECK(mended.raise.empty());
  REQUIRE(mended.resolve.size() == 1);
  CHECK(mended.resolve[0].rule == "advisor.runs_failing");
}

TEST_CASE("What was dismissed is left alone, whether its cause stays or goes") {
  auto standing = standing_after(failing());
  standing[0].dismissed = true;
  for (const auto& snapshot : {failing(9), healthy()}) {
    const auto result = reconcile(snapshot, default_limits(), standing);
    CHECK(result.raise.empty());
    CHECK(result.resolve.empty());
    CHECK(result.dismissed == 1);
  }
}

TEST_CASE("What could not be read, or was not looked at, resolves nothing") {
  const auto standing = standing_after(failing());
  auto unread = healthy();
  unread.read.bits &= ~static_cast<unsigned>(Source::histories);
  CHECK(reconcile(unread, default_limits(), standing).resolve.empty());
  auto other = healthy();
  other.read.bits &= ~static_cast<unsigned>(Source::audit);
  CHECK(reconcile(other, default_limits(), standing).resolve.size() == 1);
}

TEST_CASE("A finding of a rule that there is no longer is resolved") {
  const std::vector<Standing> standing{{"advisor.of_old", id(1), "", "low", Json::object(), false}};
  CHECK(reconcile(healthy(), default_limits(), standing).resolve.size() == 1);
}

TEST_CASE("Findings of two organizations, and of two subjects, are two") {
  auto snapshot = failing();
  snapshot.histories.push_back({id(2), "member-sync", 3, {}, "", id(201), 0, 0});
  snapshot.histories.push_back({id(2), "other", 3, {}, "", id(201), 0, 0});
  const auto standing = standing_after(snapshot);
  REQUIRE(standing.size() == 3);
  snapshot.histories.pop_back();
  const auto result = reconcile(snapshot, default_limits(), standing);
  REQUIRE(result.resolve.size() == 1);
  CHECK(result.resolve[0].organization == id(2));
  CHECK(result.resolve[0].subject == "other");
  CHECK(result.unchanged == 2);
}

TEST_CASE("A failed run asks for a scan of its organization; a failed scan does not") {
  const std::string organization = id(7).to_string();
  const auto news = [&](const Json& changes) {
    Json value = {{"run_id", id(1).to_string()}, {"organization_id", organization},
                  {"worker", "member-sync"},     {"operation", "x"},
                  {"state", "failed"},           {"attempt", 1}};
    value.merge_patch(changes);
    return failed_for(dump(value));
  };
  CHECK(news(Json::object()) == id(7));
  CHECK_FALSE(news({{"state", "succeeded"}}));
  CHECK_FALSE(news({{"state", "succeeded"}, {"operation", "failed"}}));
  CHECK_FALSE(news({{"worker", "advisor-scan"}}));
  CHECK_FALSE(news({{"organization_id", nullptr}}));
  CHECK_FALSE(failed_for("\"failed\""));
  CHECK_FALSE(failed_for("not JSON, \"failed\""));
}
