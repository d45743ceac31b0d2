#include "ops/cli/schedule_options.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace rollcall::cli {
namespace {

constexpr std::array<std::pair<long, const char*>, 4> units{
    {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};

}  // namespace

void refuse_option(const std::string& message, const std::string& command) {
  throw Failure(usage, "setting_invalid", message, "See 'rollcall schedules " + command + " --help'.");
}

std::chrono::seconds parse_duration(const std::string& text, const std::string& option,
                                    const std::string& command) {
  constexpr long longest = 10L * 366 * 86'400;
  long count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const auto found = std::ranges::find(units, unit, [](const auto& pair) { return pair.second; });
  if (error != std::errc{} || found == units.end() || count < 0 || count > longest / found->first)
    refuse_option(option + " '" + text + "' is not a time such as 30s, 15m, 2h or 1d, ten years at most",
                  command);
  return std::chrono::seconds{count * found->first};
}

std::string duration_word(std::chrono::seconds time) {
  for (const auto& [seconds, unit] : units)
    if (time.count() % seconds == 0) return std::to_string(time.count() / seconds) + unit;
  return std::to_string(time.count()) + "s";
}

WallTime parse_time(const std::string& text, const std::string& option, const std::string& command) {
  const auto time = parse_rfc3339(text);
  if (!time)
    refuse_option(option + " '" + text + "' is not a time in UTC such as 2026-11-21T09:30:00Z", command);
  return *time;
}

std::string who(const Context& context) {
  const auto user = context.environment()("USER");
  return user && !user->empty() ? "cli:" + printable(*user) : "cli";
}

}  // namespace rollcall::cli
