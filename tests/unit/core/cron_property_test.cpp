#include "common/core/cron.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <date/tz.h>
#include <rapidcheck.h>

using rollcall::Cron;
using rollcall::WallTime;

namespace {

using namespace std::chrono_literals;
using Values = std::set<int>;

/// rapidcheck draws from small ranges in its first cases; a clock has no small cases worth more than others.
int number(int from, int to) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to + 1));
}

/// One field: its text, and what it means, spelt out value by value.
struct Field {
  int min, max;
  std::string text = "*";
  Values values = {};

  static Field any(int min, int max) {
    Field field{min, max};
    for (int value = min; value <= max; ++value)
      field.values.insert(value);
    return field;
  }
  static Field one(int value) { return {value, value, std::to_string(value), {value}}; }
  /// Up to three elements of the forms a, a-b, a-b/s, and now and then */s.
  static Field some(int min, int max) {
    Field field{min, max, "", {}};
    if (number(0, 5) == 0) {
      const int step = number(1, max);
      field.text = "*/" + std::to_string(step);
      for (int value = min; value <= max; value += step)
        field.values.insert(value);
      return field;
    }
    for (int elements = number(1, 3); elements > 0; --elements) {
      const int from = number(min, max);
      const int to = number(0, 2) == 0 ? number(from, max) : from;
      const int step = to > from ? number(1, 3) : 1;
      field.text += (field.text.empty() ? "" : ",") + std::to_string(from);
      if (to > from) field.text += "-" + std::to_string(to);
      if (step > 1) field.text += "/" + std::to_string(step);
      for (int value = from; value <= to; value += step)
        field.values.insert(value);
    }
    return field;
  }
  [[nodiscard]] bool starred() const { return text.front() == '*'; }
};

struct Schedule {
  Field minutes = Field::any(0, 59), hours = Field::any(0, 23), days = Field::any(1, 31);
  Field months = Field::any(1, 12), weekdays = Field::any(0, 7);

  [[nodiscard]] std::string text() const {
    return minutes.text + " " + hours.text + " " + days.text + " " + months.text + " " + weekdays.text;
  }
  [[nodiscard]] bool on(int month, int day, int weekday) const {
    const bool by_day = days.values.contains(day);
    const bool by_weekday =
        weekdays.values.contains(weekday) || (weekday == 0 && weekdays.values.contains(7));
    if (!months.values.contains(month)) return false;
    if (days.starred() || weekdays.starred()) return by_day && by_weekday;
    return by_day || by_weekday;
  }
  [[nodiscard]] bool matches(date::local_seconds local) const {
    const auto midnight = date::floor<date::days>(local);
    const date::year_month_day date{midnight};
    const date::hh_mm_ss clock{local - midnight};
    return minutes.values.contains(static_cast<int>(clock.minutes().count())) &&
           hours.values.contains(static_cast<int>(clock.hours().count())) && clock.seconds().count() == 0 &&
           on(static_cast<int>(static_cast<unsigned>(date.month())),
              static_cast<int>(static_cast<unsigned>(date.day())),
              static_cast<int>(date::weekday{midnight}.c_encoding()));
  }
};

/// Told the other way round than the code: is this minute of real time due? What the clock of the wall shows
/// counts, unless it has shown it before; at a jump forward, what it jumped over counts too.
bool due_at(const Schedule& schedule, const date::time_zone& zone, date::sys_seconds instant) {
  const date::sys_info info = zone.get_info(instant);
  const date::local_seconds shown{(instant + info.offset).time_since_epoch()};
  const auto offset_before = zone.get_info(info.begin - 1s).offset;
  const bool again = shown < date::local_seconds{(info.begin + offset_before).time_since_epoch()};
  if (!again && schedule.matches(shown)) return true;
  if (info.begin != instant) return false;
  for (auto skipped = date::local_seconds{(instant + offset_before).time_since_epoch()}; skipped < shown;
       skipped += 1min)
    if (schedule.matches(skipped)) return true;
  return false;
}

std::vector<WallTime> walked(const Schedule& schedule, const date::time_zone& zone, date::sys_seconds from,
                             date::sys_seconds to) {
  std::vector<WallTime> due;
  for (; from < to; from += 1min)
    if (due_at(schedule, zone, from)) due.emplace_back(from);
  return due;
}

/// Every clock change that the zone's rules hold between 2005 and 2035.
std::vector<date::sys_seconds> clock_changes(const date::time_zone& zone) {
  std::vector<date::sys_seconds> changes;
  const date::sys_seconds end{date::sys_days{date::year{2035} / 1 / 1}};
  for (auto info = zone.get_info(date::sys_days{date::year{2005} / 1 / 1}); info.end < end;
       info = zone.get_info(info.end))
    changes.push_back(info.end);
  return changes;
}

/// A schedule likely to have much to do near `change`: often on its very date, often in its very hours.
Schedule near(date::sys_seconds change, const date::time_zone& zone) {
  Schedule schedule;
  const date::local_seconds local{(change + zone.get_info(change).offset).time_since_epoch()};
  const date::year_month_day date{date::floor<date::days>(local)};
  schedule.minutes = number(0, 3) == 0 ? Field::any(0, 59) : Field::some(0, 59);
  if (number(0, 1) == 0) schedule.hours = Field::some(0, 23);
  if (number(0, 3) == 0) schedule.days = Field::one(static_cast<int>(static_cast<unsigned>(date.day())));
  if (number(0, 3) == 0) schedule.months = Field::one(static_cast<int>(static_cast<unsigned>(date.month())));
  if (number(0, 3) == 0) schedule.weekdays = Field::some(0, 7);
  return schedule;
}

/// A day as one counts on one's fingers, without the library that the code uses.
struct Day {
  int year = 2000, month = 1, day = 1, weekday = 6;  // it was a Saturday
  long number = 0;

  void next() {
    constexpr std::array lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int length = lengths[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
    weekday = (weekday + 1) % 7;
    ++number;
    if (++day <= length) return;
    day = 1;
    if (++month <= 12) return;
    month = 1;
    ++year;
  }
};

}  // namespace

TEST_CASE("around every clock change the due times are those of a walk minute by minute", "[unit][cron]") {
  // Half an hour, two hours, one minute past midnight, midnight itself, a whole day, and Ramadan.
  for (const char* name :
       {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "America/St_Johns",
        "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu"}) {
    const date::time_zone& zone = *date::locate_zone(name);
    const auto changes = clock_changes(zone);
    if (changes.empty()) continue;
    const bool holds = rc::check(name, [&] {
      const auto change = *rc::gen::noShrink(rc::gen::elementOf(changes));
      const Schedule schedule = near(change, zone);
      const Cron cron = Cron::parse(schedule.text()).value();
      RC_LOG() << schedule.text() << '\n';
      const auto from = change - 4h, to = change + 28h;
      const auto expected = walked(schedule, zone, from, to);

      std::vector<WallTime> found;
      for (WallTime at = WallTime{from} - 1ms;;) {
        const auto due = cron.next_after(at, name);
        if (!due || *due >= to) break;
        RC_ASSERT(*due > at);
        found.push_back(at = *due);
      }
      RC_ASSERT(found == expected);

      // From within a minute, a skipped hour or one shown twice: the same.
      for (int i = 0; i < 20; ++i) {
        const WallTime after = WallTime{change} + std::chrono::milliseconds{number(-7'200'000, 7'200'000)};
        const auto next = std::ranges::upper_bound(expected, after);
        if (next == expected.end()) continue;
        const auto due = cron.next_after(after, name);
        RC_ASSERT(due.has_value());
        RC_ASSERT(*due == *next);
      }
    });
    REQUIRE(holds);
  }
}

TEST_CASE("rare days are found by the calendar, a century without leap day between, or not at all",
          "[unit][cron]") {
  const bool holds = rc::check("next_after agrees with a walk day by day", [] {
    Schedule schedule;
    schedule.minutes = Field::one(number(0, 59));
    schedule.hours = Field::one(number(0, 23));
    const bool leap_day = number(0, 2) == 0;
    schedule.days = leap_day            ? Field::one(29)
                    : number(0, 1) == 0 ? Field::one(number(28, 31))
                                        : Field::some(1, 31);
    schedule.months = leap_day ? Field::one(2) : Field::some(1, 12);
    // With a star both day fields must match, so */3 to */7 on a leap day are the rarest there are.
    if (leap_day || number(0, 1) == 0) {
      schedule.weekdays = Field::some(0, 7);
      if (leap_day) {
        const int step = number(3, 7);
        schedule.weekdays = {0, 7, "*/" + std::to_string(step), {}};
        for (int value = 0; value <= 7; value += step)
          schedule.weekdays.values.insert(value);
      }
    }
    RC_LOG() << schedule.text() << '\n';
    const char* name = *rc::gen::element("UTC", "Asia/Kolkata", "Etc/GMT+12");
    const std::chrono::seconds offset = date::locate_zone(name)->get_info(date::sys_seconds{}).offset;

    Day day;
    for (long days = number(0, 1) == 0 ? 4 * 366 * number(17, 25) : number(0, 40'000); day.number < days;)
      day.next();
    const date::sys_days epoch{date::year{2000} / 1 / 1};
    const auto moment = [&](const Day& on, int hour, int minute) {
      return WallTime{epoch} + date::days{on.number} + std::chrono::hours{hour} +
             std::chrono::minutes{minute} - offset;
    };
    const WallTime after =
        moment(day, number(0, 23), number(0, 59)) + std::chrono::milliseconds{number(0, 1)};

    std::optional<WallTime> expected;
    for (int walked = 0; !expected && walked < 41 * 366; ++walked, day.next()) {
      const auto due = moment(day, *schedule.hours.values.begin(), *schedule.minutes.values.begin());
      if (due > after && schedule.on(day.month, day.day, day.weekday)) expected = due;
    }
    const auto due = Cron::parse(schedule.text()).value().next_after(after, name);
    RC_ASSERT(due.has_value() == expected.has_value());
    if (expected) RC_ASSERT(*due == *expected);
  });
  REQUIRE(holds);
}

TEST_CASE("every way of writing a field means its values", "[unit][cron]") {
  const bool holds = rc::check("a field equals its values as a list", [] {
    const auto listed = [](const Field& field) {
      std::string text;
      for (const int value : field.values)
        text += (text.empty() ? "" : ",") + std::to_string(value);
      return text;
    };
    const Field minutes = Field::some(0, 59), hours = Field::some(0, 23), months = Field::some(1, 12);
    const auto written = Cron::parse(minutes.text + " " + hours.text + " * " + months.text + " *");
    const auto spelt = Cron::parse(listed(minutes) + " " + listed(hours) + " * " + listed(months) + " *");
    RC_ASSERT(written.value() == spelt.value());
  });
  REQUIRE(holds);
}
