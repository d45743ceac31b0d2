#include "ops/sandbox/graph/time_zone.h"

#include "common/core/lower.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace rollcall::sandbox_graph {
namespace {

using namespace std::chrono;

enum class Daylight { none, europe, america };

struct Zone {
  std::string_view windows, iana;
  minutes offset;
  Daylight daylight;
};
constexpr std::array zones{
    Zone{"UTC", "Etc/UTC", minutes{0}, Daylight::none},
    Zone{"GMT Standard Time", "Europe/London", minutes{0}, Daylight::europe},
    Zone{"W. Europe Standard Time", "Europe/Berlin", minutes{60}, Daylight::europe},
    Zone{"Eastern Standard Time", "America/New_York", minutes{-300}, Daylight::america},
    Zone{"Pacific Standard Time", "America/Los_Angeles", minutes{-480}, Daylight::america},
    Zone{"India Standard Time", "Asia/Kolkata", minutes{330}, Daylight::none},
    Zone{"Tokyo Standard Time", "Asia/Tokyo", minutes{540}, Daylight::none},
};

const Zone* find_zone(std::string_view name) {
  const auto* found = std::ranges::find_if(zones, [&](const Zone& zone) {
    return lower(std::string(zone.windows)) == lower(std::string(name)) ||
           lower(std::string(zone.iana)) == lower(std::string(name));
  });
  return found == zones.end() ? nullptr : found;
}

/// Europe: from the last Sunday of March to that of October, 01:00 UTC. America: from the second Sunday of
/// March to the first of November, 02:00 of its own time.
bool in_daylight(const Zone& zone, WallTime utc) {
  if (zone.daylight == Daylight::none) return false;
  const year_month_day date{floor<days>(utc)};
  const auto y = date.year();
  if (zone.daylight == Daylight::europe)
    return utc >= sys_days{y / March / Sunday[last]} + hours{1} &&
           utc < sys_days{y / October / Sunday[last]} + hours{1};
  return utc >= sys_days{y / March / Sunday[2]} + hours{2} - zone.offset &&
         utc < sys_days{y / November / Sunday[1]} + hours{1} - zone.offset;
}

minutes offset_at(const Zone& zone, WallTime utc) {
  return zone.offset + (in_daylight(zone, utc) ? minutes{60} : minutes{0});
}

}  // namespace

bool known_zone(std::string_view name) {
  return find_zone(name) != nullptr;
}

std::string to_local(WallTime time, std::string_view zone) {
  const Zone* found = find_zone(zone);
  std::string text = to_rfc3339(time + (found ? offset_at(*found, time) : minutes{0}));
  text.pop_back();
  return text + "0000";
}

std::optional<WallTime> from_local(std::string_view text, std::string_view zone) {
  const Zone* found = find_zone(zone);
  const auto local = parse_rfc3339(std::string(text) + "Z");
  if (!found || !local) return std::nullopt;
  const WallTime guess = *local - found->offset;
  return *local - offset_at(*found, guess);
}

std::optional<WallTime> parse_iso(std::string_view text) {
  if (const auto time = parse_rfc3339(text)) return time;
  if (const auto time = parse_rfc3339(std::string(text) + "Z")) return time;
  if (text.size() < 7) return std::nullopt;
  const auto tail = text.substr(text.size() - 6);
  int hour = 0, minute = 0;
  const bool shaped = (tail[0] == '+' || tail[0] == ' ' || tail[0] == '-') && tail[3] == ':' &&
                      std::from_chars(tail.data() + 1, tail.data() + 3, hour).ec == std::errc{} &&
                      std::from_chars(tail.data() + 4, tail.data() + 6, minute).ec == std::errc{};
  const auto local = parse_rfc3339(std::string(text.substr(0, text.size() - 6)) + "Z");
  if (!shaped || !local) return std::nullopt;
  const minutes offset{hour * 60 + minute};
  return tail[0] == '-' ? *local + offset : *local - offset;
}

}  // namespace rollcall::sandbox_graph
