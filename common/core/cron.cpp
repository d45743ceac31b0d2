#include "common/core/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include <date/tz.h>

namespace rollcall {
namespace {

struct Field {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> words;  // names of the values from `first_word` on
  int first_word;
  std::string_view holds;
};

constexpr std::array<std::string_view, 12> month_words{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_words{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

const std::array<Field, 5> fields{{
    {"minute", 0, 59, {}, 0, "0-59"},
    {"hour", 0, 23, {}, 0, "0-23"},
    {"day of month", 1, 31, {}, 0, "1-31"},
    {"month", 1, 12, month_words, 1, "1-12 or jan-dec"},
    {"day of week", 0, 7, weekday_words, 0, "0-7 or sun-sat, 0 and 7 being Sunday"},
}};

using Values = std::bitset<64>;

Problem wrong(const std::string& message) {
  return {"setting_invalid", message};
}

Problem wrong_field(const Field& field, std::string_view text) {
  return wrong("cron field '" + std::string(field.name) + "' is '" + std::string(text) + "': it may hold " +
               std::string(field.holds) + ", lists (1,2), ranges (1-5) and steps (*/5, 10-50/10)");
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0;;) {
    const std::size_t at = text.find(separator, from);
    parts.push_back(text.substr(from, at - from));
    if (at == std::string_view::npos) return parts;
    from = at + 1;
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t from = 0; (from = text.find_first_not_of(" \t", from)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(" \t", from), text.size());
    words.push_back(text.substr(from, end - from));
    from = end;
  }
  return words;
}

std::optional<int> parse_digits(std::string_view text) {
  // from_chars alone would take a minus sign.
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

bool same_word(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

std::optional<int> parse_value(const Field& field, std::string_view text) {
  for (std::size_t i = 0; i < field.words.size(); ++i)
    if (same_word(text, field.words[i])) return field.first_word + static_cast<int>(i);
  const auto value = parse_digits(text);
  if (!value || *value < field.min || *value > field.max) return std::nullopt;
  return value;
}

/// One element of a list: *, a, a-b, and the latter two of the three forms with /step.
bool add_element(const Field& field, std::string_view text, Values& values) {
  const auto stepped = split(text, '/');
  if (stepped.size() > 2) return false;
  int from = field.min;
  int to = field.max;
  if (stepped[0] != "*") {
    const auto bounds = split(stepped[0], '-');
    // A step on a single value means nothing in crontab(5); taking it would hide a slip of the pen.
    if (bounds.size() > 2 || (bounds.size() == 1 && stepped.size() == 2)) return false;
    const auto low = parse_value(field, bounds.front());
    const auto high = parse_value(field, bounds.back());
    if (!low || !high || *low > *high) return false;
    from = *low;
    to = *high;
  }
  int step = 1;
  if (stepped.size() == 2) {
    const auto given = parse_digits(stepped[1]);
    if (!given || *given < 1 || *given > field.max) return false;
    step = *given;
  }
  for (int value = from; value <= to; value += step)
    values.set(static_cast<std::size_t>(value));
  return true;
}

Result<Values> parse_field(const Field& field, std::string_view text) {
  Values values;
  for (const auto element : split(text, ','))
    if (!add_element(field, element, values)) return unexpected(wrong_field(field, text));
  return values;
}

template <std::size_t Size>
std::bitset<Size> narrowed(const Values& values) {
  return std::bitset<Size>(values.to_ullong() & ((1ULL << Size) - 1));
}

/// The first instant at which the wall clock of the zone shows `local` or, in a gap, jumps past it. Never
/// decreases as `local` grows, which is why a search in local time finds due times in their order.
WallTime first_instant(const date::time_zone& zone, date::local_seconds local) {
  const date::local_info info = zone.get_info(local);
  if (info.result == date::local_info::nonexistent) return info.first.end;
  return WallTime{local.time_since_epoch() - info.first.offset};
}

const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(std::string(name));
  } catch (const std::exception&) {  // the library's only way to say "unknown"
    return nullptr;
  }
}

// The longest wait for a date that exists: 29 February on a given weekday, across 2100, takes 40 years.
constexpr int days_searched = 41 * 366;

}  // namespace

Result<Cron> Cron::parse(std::string_view expression) {
  const auto words = words_of(expression);
  if (words.size() != fields.size())
    return unexpected(wrong("cron expression '" + std::string(expression) + "' has " +
                            std::to_string(words.size()) +
                            " fields, not five: minute hour day-of-month month day-of-week"));
  std::array<Values, 5> values;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto parsed = parse_field(fields[i], words[i]);
    if (!parsed) return unexpected(parsed.error());
    values[i] = *parsed;
  }
  if (values[4].test(7)) values[4].set(0);
  Cron cron;
  cron.minutes_ = narrowed<60>(values[0]);
  cron.hours_ = narrowed<24>(values[1]);
  cron.days_ = narrowed<32>(values[2]);
  cron.months_ = narrowed<13>(values[3]);
  cron.weekdays_ = narrowed<7>(values[4]);
  // As crontab(5) has it, a field that starts with a star is not restricted, even with a step.
  cron.any_day_ = words[2].front() == '*';
  cron.any_weekday_ = words[4].front() == '*';
  return cron;
}

bool Cron::due_on(int month, int day, int weekday) const {
  if (!months_.test(static_cast<std::size_t>(month))) return false;
  const bool by_day = days_.test(static_cast<std::size_t>(day));
  const bool by_weekday = weekdays_.test(static_cast<std::size_t>(weekday));
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

Result<WallTime> Cron::next_after(WallTime after, std::string_view time_zone) const {
  const date::time_zone* zone = find_zone(time_zone);
  if (zone == nullptr)
    return unexpected(wrong("time zone '" + std::string(time_zone) +
                            "' is unknown: use an IANA name such as Europe/Berlin"));
  const auto local_after = zone->to_local(std::chrono::floor<std::chrono::seconds>(after));
  auto day = date::floor<date::days>(local_after);
  for (int i = 0; i < days_searched; ++i, day += date::days{1}) {
    const date::year_month_day date{day};
    if (!due_on(static_cast<int>(static_cast<unsigned>(date.month())),
                static_cast<int>(static_cast<unsigned>(date.day())),
                static_cast<int>(date::weekday{day}.c_encoding())))
      continue;
    for (int hour = 0; hour < 24; ++hour) {
      if (!hours_.test(static_cast<std::size_t>(hour))) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!minutes_.test(static_cast<std::size_t>(minute))) continue;
        const date::local_seconds local = day + std::chrono::hours{hour} + std::chrono::minutes{minute};
        if (local <= local_after) continue;
        const WallTime due = first_instant(*zone, local);
        if (due > after) return due;
      }
    }
  }
  return unexpected(wrong("the cron expression never comes due: no such day exists in its months"));
}

}  // namespace rollcall
