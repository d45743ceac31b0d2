#include "workers/scheduler/core/schedule.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::scheduler;
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
  CHECK(next_due(schedule, at("2026-11-21T08:00:00Z")).value() == at("2026-11-21T09:01:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:00:07Z")).value() == at("2026-11-21T09:01:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:01:06.999Z")).value() == at("2026-11-21T09:01:07Z"));
  CHECK(next_due(schedule, at("2026-11-21T09:01:07Z")).value() == at("2026-11-21T09:02:07Z"));
  CHECK(next_due(schedule, at("2026-12-21T12:34:56Z")).value() == at("2026-12-21T12:35:07Z"));
}

TEST_CASE("what is due on time fires for its own time") {
  const auto firing = fire(every(60s, "2026-11-21T09:00:07Z"), at("2026-11-21T09:00:07.004Z")).value();
  CHECK(firing.due == at("2026-11-21T09:00:07Z"));
  CHECK(firing.next == at("2026-11-21T09:01:07Z"));
}

TEST_CASE("after downtime only the latest missed time fires") {
  SECTION("interval") {
    const auto firing = fire(every(60s, "2026-11-21T09:00:07Z"), at("2026-11-24T01:02:03Z")).value();
    CHECK(firing.due == at("2026-11-24T01:01:07Z"));
    CHECK(firing.next == at("2026-11-24T01:02:07Z"));
  }
  SECTION("exactly at a due time") {
    const auto firing = fire(every(60s, "2026-11-21T09:00:00Z"), at("2026-11-21T10:00:00Z")).value();
    CHECK(firing.due == at("2026-11-21T10:00:00Z"));
    CHECK(firing.next == at("2026-11-21T10:01:00Z"));
  }
  SECTION("cron every minute, a month away") {
    const auto firing =
        fire(cron("* * * * *", "UTC", "2026-10-21T09:00:00Z"), at("2026-11-21T09:30:30Z")).value();
    CHECK(firing.due == at("2026-11-21T09:30:00Z"));
    CHECK(firing.next == at("2026-11-21T09:31:00Z"));
  }
  SECTION("cron once a day, with a zone whose offset changed in between") {
    const auto firing =
        fire(cron("0 2 * * *", "Europe/Berlin", "2026-10-20T00:00:00Z"), at("2026-11-21T09:30:00Z")).value();
    CHECK(firing.due == at("2026-11-21T01:00:00Z"));
    CHECK(firing.next == at("2026-11-22T01:00:00Z"));
  }
  SECTION("cron exactly at a due time") {
    const auto firing =
        fire(cron("*/5 * * * *", "UTC", "2026-11-21T09:00:00Z"), at("2026-11-21T09:30:00Z")).value();
    CHECK(firing.due == at("2026-11-21T09:30:00Z"));
    CHECK(firing.next == at("2026-11-21T09:35:00Z"));
  }
}

TEST_CASE("firing again from next never repeats and never skips while on time") {
  auto schedule = cron("*/7 3,4 * * *", "America/New_York", "2026-03-08T07:00:00Z");
  for (int i = 0; i < 200; ++i) {
    const auto firing = fire(schedule, schedule.due + 3ms).value();
    REQUIRE(firing.due == schedule.due);
    REQUIRE(firing.next > firing.due);
    schedule.due = firing.next;
  }
}

TEST_CASE("a schedule that cannot be read is a problem, not an exception") {
  CHECK(fire(cron("61 * * * *", "UTC", "2026-11-21T09:00:00Z"), at("2026-11-21T09:30:00Z")).error().code ==
        "setting_invalid");
  CHECK(fire(cron("* * * * *", "Mars/Olympus", "2026-11-21T09:00:00Z"), at("2026-11-21T09:30:00Z"))
            .error()
            .code == "setting_invalid");
  CHECK(fire(every(0s, "2026-11-21T09:00:00Z"), at("2026-11-21T09:30:00Z")).error().code ==
        "setting_invalid");
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
