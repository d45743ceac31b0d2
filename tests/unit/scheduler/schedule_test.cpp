#include "common/core/schedule.h"

#include "tests/support/catch.h"

#include <set>

using namespace rollcall;
using namespace rollcall::schedules;
using namespace std::chrono_literals;

namespace {

WallTime at(const char* text) {
  return parse_rfc3339(text).value();
}

Schedule every(std::chrono::seconds interval, const char* due) {
  Schedule schedule;
  schedule.id = "7d9f4a52-1f0e-4a58-8a31-6f2d7f5f0c01";
  schedule.name = "nightly";
  schedule.worker = "member-sync";
  schedule.operation = "sync-members";
  schedule.interval = interval;
  schedule.due = at(due);
  return schedule;
}

Schedule cron(const char* expression, const char* zone, const char* due) {
  Schedule schedule = every(1s, due);
  schedule.interval.reset();
  schedule.cron = expression;
  schedule.time_zone = zone;
  return schedule;
}

}  // namespace

TEST_CASE("an interval keeps its phase however late it is looked at") {
  const auto schedule = every(60s, "2026-11-21T09:00:07Z");
  CHECK(next_due(schedule, at("2026-11-21T08:00:00Z")).value() == at("2026-11-21T08:00:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T08:00:07Z")).value() == at("2026-11-21T08:01:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:00:06.999Z")).value() == at("2026-11-21T09:00:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:00:07Z")).value() == at("2026-11-21T09:01:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:01:06.999Z")).value() == at("2026-11-21T09:01:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:01:07Z")).value() == at("2026-11-21T09:02:07Z"));
  CHECK(next_due(schedule, at("2026-12-21T12:34:56Z")).value() == at("2026-12-21T12:35:07Z"));
}

TEST_CASE("due times of a range, both ends included") {
  const auto schedule = every(3600s, "2026-11-21T09:00:00Z");
  const auto times = due_times(schedule, at("2026-11-20T22:00:00Z"), at("2026-11-21T01:00:00Z"), 100).value();
  CHECK(times == std::vector<WallTime>{at("2026-11-20T22:00:00Z"), at("2026-11-20T23:00:00Z"),
                                       at("2026-11-21T00:00:00Z"), at("2026-11-21T01:00:00Z")});
  CHECK(due_times(schedule, at("2026-11-20T22:00:00Z"), at("2026-11-21T01:00:00Z"), 2).value().size() == 2);
  CHECK(due_times(schedule, at("2026-11-20T22:00:01Z"), at("2026-11-20T22:59:59Z"), 2).value().empty());
}

TEST_CASE("each due time of a zone that changes its clocks comes once, in order") {
  const auto days = [](const char* expression, const char* from, const char* to) {
    return due_times(cron(expression, "Europe/Berlin", from), at(from), at(to), 1'000).value();
  };
  // 29 March 2026: 02:00 to 03:00 does not exist; 25 October 2026: 02:00 to 03:00 comes twice.
  CHECK(days("30 2 * * *", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z") ==
        std::vector<WallTime>{at("2026-03-28T01:30:00Z"), at("2026-03-29T01:00:00Z"),
                              at("2026-03-30T00:30:00Z")});
  CHECK(days("30 2 * * *", "2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z") ==
        std::vector<WallTime>{at("2026-10-24T00:30:00Z"), at("2026-10-25T00:30:00Z"),
                              at("2026-10-26T01:30:00Z")});
}

TEST_CASE("a schedule that cannot be read is a problem, not an exception") {
  const auto now = at("2026-11-21T09:30:00Z");
  const auto due = "2026-11-21T09:00:00Z";
  CHECK(next_due(cron("61 * * * *", "UTC", due), now).error().code == "setting_invalid");
  CHECK(next_due(cron("* * * * *", "Mars/Olympus", due), now).error().code == "setting_invalid");
  CHECK(next_due(every(0s, due), now).error().code == "setting_invalid");
  CHECK(due_times(every(0s, due), now, now, 1).error().code == "setting_invalid");
}

TEST_CASE("jitter is never early, never reaches the next due time, and is always the same") {
  auto schedule = every(60s, "2026-11-21T09:00:00Z");
  CHECK(fires_at(schedule, schedule.due).value() == schedule.due);
  for (const auto jitter : {1s, 30s, 60s, 3600s}) {
    schedule.jitter = jitter;
    std::set<std::chrono::milliseconds> seen;
    for (int i = 0; i < 200; ++i) {
      const WallTime due = schedule.due + i * 60s;
      const auto fires = fires_at(schedule, due).value();
      REQUIRE(fires >= due);
      REQUIRE(fires < due + std::min<std::chrono::seconds>(jitter, 60s));
      REQUIRE(fires == fires_at(schedule, due).value());
      seen.insert(fires - due);
    }
    CHECK(seen.size() > 150);  // it does spread
  }
  auto other = schedule;
  other.id = "7d9f4a52-1f0e-4a58-8a31-6f2d7f5f0c02";
  CHECK(fires_at(other, other.due).value() != fires_at(schedule, schedule.due).value());
}

TEST_CASE("a tick must be able to carry the schedule") {
  auto schedule = every(60s, "2026-11-21T09:00:00Z");
  CHECK_FALSE(check(schedule));
  for (const auto* worker : {"", "Member-Sync", "a b", "../x", "a.b"}) {
    schedule.worker = worker;
    CHECK(check(schedule));
  }
  schedule.worker = "member-sync";
  schedule.parameters = Json::array();
  CHECK(check(schedule));
}

TEST_CASE("the tick names schedule and due time") {
  const auto schedule = every(60s, "2026-11-21T09:00:00Z");
  const Json value = tick_value(schedule, schedule.due, "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11");
  CHECK(value.at("due_at") == "2026-11-21T09:00:00.000Z");
  CHECK(value.at("schedule_name") == "nightly");
  CHECK(value.at("parameters") == Json::object());
}
