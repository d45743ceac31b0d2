#pragma once
#include "common/core/clock.h"
#include "common/core/result.h"

#include <bitset>
#include <string>
#include <string_view>

namespace rollcall {

/// A five-field cron expression (minute hour day-of-month month day-of-week), parsed once.
/// Lists, ranges, steps and English names as in crontab(5); where both day fields are restricted, either
/// matches.
class Cron {
 public:
  /// Problem: `setting_invalid`, naming the field and what it may hold.
  static Result<Cron> parse(std::string_view expression);

  /// The first due time strictly after `after`, in the named IANA zone. A local time that a DST change skips
  /// is due at the instant of the change; one that comes twice is due the first time only. Problem:
  /// `setting_invalid` where the zone is unknown, or no due time exists (30 February).
  [[nodiscard]] Result<WallTime> next_after(WallTime after, std::string_view time_zone) const;

  bool operator==(const Cron&) const = default;

 private:
  [[nodiscard]] bool due_on(int month, int day, int weekday) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // 1-31
  std::bitset<13> months_;   // 1-12
  std::bitset<7> weekdays_;  // 0 = Sunday
  bool any_day_ = true;
  bool any_weekday_ = true;
};

}  // namespace rollcall
