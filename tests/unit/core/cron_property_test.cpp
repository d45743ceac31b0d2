#include "common/core/cron.h"
#include "tests/support/catch.h"

#include <optional>
#include <set>

#include <date/tz.h>
#include <rapidcheck.h>

using rollcall::Cron;
using rollcall::WallTime;

namespace {

using Values = std::set<int>;

struct Schedule {
  Values minutes, hours, weekdays;

  [[nodiscard]] std::string text() const {
    return list(minutes) + " " + list(hours) + " * * " + list(weekdays);
  }
  static std::string list(const Values& values) {
    std::string joined;
    for (const int value : values)
      joined += (joined.empty() ? "" : ",") + std::to_string(value);
    return joined;
  }
  [[nodiscard]] bool matches(date::local_seconds local) const {
    const auto day = date::floor<date::days>(local);
    const date::hh_mm_ss clock{local - day};
    return minutes.contains(static_cast<int>(clock.minutes().count())) &&
           hours.contains(static_cast<int>(clock.hours().count())) &&
           weekdays.contains(static_cast<int>(date::weekday{day}.c_encoding())) &&
           clock.seconds().count() == 0;
  }
};

/// Told the other way round than the code: minute after minute of real time, is this one due?
bool due_at(const Schedule& schedule, const date::time_zone& zone, date::sys_seconds instant) {
  const date::sys_info info = zone.get_info(instant);
  const date::local_seconds local{(instant + info.offset).time_since_epoch()};
  const bool again = zone.get_info(local).result == date::local_info::ambiguous &&
                     zone.get_info(local).second.begin <= instant;
  if (!again && schedule.matches(local)) return true;
  if (info.begin != instant) return false;
  const auto offset_before = zone.get_info(instant - std::chrono::seconds{1}).offset;
  for (auto skipped = date::local_seconds{(instant + offset_before).time_since_epoch()}; skipped < local;
       skipped += std::chrono::minutes{1})
    if (schedule.matches(skipped)) return true;
  return false;
}

std::optional<WallTime> searched(const Schedule& schedule, const date::time_zone& zone, WallTime after) {
  auto instant = date::floor<std::chrono::minutes>(after) + std::chrono::minutes{1};
  for (int minute = 0; minute < 9 * 1440; ++minute, instant += std::chrono::minutes{1})
    if (due_at(schedule, zone, instant)) return WallTime{instant};
  return std::nullopt;
}

Values some(int below, std::size_t at_most) {
  Values values;
  const auto count = *rc::gen::inRange<std::size_t>(1, at_most + 1);
  while (values.size() < count)
    values.insert(*rc::gen::noShrink(rc::gen::inRange(0, below)));
  return values;
}

}  // namespace

TEST_CASE("the next due time is later, matches, and nothing before it does, across DST changes",
          "[unit][cron]") {
  const bool holds = rc::check("next_after agrees with a search minute by minute", [] {
    const auto* zone_name = *rc::gen::element("Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                              "Africa/Casablanca", "Asia/Kolkata", "UTC");
    const date::time_zone& zone = *date::locate_zone(zone_name);
    const Schedule schedule{some(60, 4), *rc::gen::inRange(0, 2) == 0 ? Values{0, 1, 2, 3} : some(24, 4),
                            some(7, 4)};
    // Half of the cases begin within six hours before a change of offset.
    const auto base =
        date::sys_days{date::year{2026} / 1 / 1} + std::chrono::hours{*rc::gen::inRange(0, 3 * 8760)};
    const auto change = zone.get_info(base).end;
    const bool near = *rc::gen::inRange(0, 2) == 0 && change < date::sys_days{date::year{2100} / 1 / 1};
    const WallTime from = near ? WallTime{change} - std::chrono::hours{6} : WallTime{base};
    const WallTime after = from + std::chrono::milliseconds{*rc::gen::inRange(0, 25'200'000)};

    const auto due = Cron::parse(schedule.text()).value().next_after(after, zone_name);
    RC_ASSERT(due.has_value());
    RC_ASSERT(*due > after);
    RC_ASSERT(std::optional{*due} == searched(schedule, zone, after));
  });
  REQUIRE(holds);
}
