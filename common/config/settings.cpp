#include "common/config/settings.h"

#include "common/core/error.h"
#include "common/core/lower.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace rollcall::config {
namespace {

using std::chrono::milliseconds;

constexpr int exit_ok = 0;
constexpr int exit_usage = 2;
constexpr int exit_config = 78;  // EX_CONFIG of sysexits.h

struct Unit {
  std::string_view suffix;
  std::int64_t in_milliseconds;
};
constexpr std::array<Unit, 4> units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};

std::optional<long> parse_number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = parse_number(text.substr(0, digits));
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::suffix);
  if (!count || unit == units.end()) return std::nullopt;
  if (*count > std::numeric_limits<std::int64_t>::max() / unit->in_milliseconds) return std::nullopt;
  return milliseconds{*count * unit->in_milliseconds};
}

/// The largest unit that loses nothing.
std::string format_duration(milliseconds duration) {
  const auto fits = [&](const Unit& unit) { return duration.count() % unit.in_milliseconds == 0; };
  const Unit& unit = duration.count() == 0 ? units[1] : *std::find_if(units.rbegin(), units.rend(), fits);
  return fmt::format("{}{}", duration.count() / unit.in_milliseconds, unit.suffix);
}

std::optional<bool> parse_flag(const std::string& given) {
  const std::string text = lower(given);
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::optional<std::string> parse_url(std::string text) {
  const std::size_t scheme = text.starts_with("http://") ? 7 : text.starts_with("https://") ? 8 : 0;
  if (scheme == 0) return std::nullopt;
  if (text.ends_with('/') && text.size() > scheme) text.pop_back();
  if (text.size() == scheme || text[scheme] == '/') return std::nullopt;
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 127; })) return std::nullopt;
  return text;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file.is_open() || !(content << file.rdbuf())) return std::nullopt;
  std::string text = std::move(content).str();
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Settings::Settings(Environment environment) : environment_(std::move(environment)) {}

void Settings::declare(const std::string& name, const std::string& fallback, const std::string& help) {
  // Two parts of a process may read the same setting; the table names it once.
  if (std::ranges::find(declared_, name, &Declared::name) == declared_.end())
    declared_.push_back({name, fallback, help});
}

std::optional<std::string> Settings::lookup(const std::string& name, bool is_secret) {
  const auto given = [this](const std::string& key) {
    auto value = environment_(key);
    return value && !value->empty() ? value : std::nullopt;
  };
  auto value = given(name);
  const auto path = is_secret ? given(name + "_FILE") : std::nullopt;
  if (!path) return value;
  if (value) {
    mistake(name, "is set, and " + name + "_FILE too: set one of them");
    return value;
  }
  auto content = read_file(*path);
  if (!content || content->empty()) {
    mistake(name + "_FILE", "names '" + *path + "', which is empty or cannot be read");
    return "";  // reported here: the caller must not call it missing as well
  }
  return content;
}

std::string Settings::text(const std::string& name, const std::string& fallback, const std::string& help) {
  declare(name, fallback, help);
  return lookup(name, false).value_or(fallback);
}

std::string Settings::required(const std::string& name, const std::string& help) {
  declare(name, "(required)", help);
  const auto value = lookup(name, false);
  if (!value) mistake(name, "is required: " + help);
  return value.value_or("");
}

Secret Settings::secret(const std::string& name, const std::string& help) {
  declare(name, "(secret)", help + " (or " + name + "_FILE)");
  return Secret(lookup(name, true).value_or(""));
}

Secret Settings::required_secret(const std::string& name, const std::string& help) {
  declare(name, "(required secret)", help + " (or " + name + "_FILE)");
  auto value = lookup(name, true);
  if (!value) mistake(name, "or " + name + "_FILE is required: " + help);
  return Secret(std::move(value).value_or(""));
}

bool Settings::flag(const std::string& name, bool fallback, const std::string& help) {
  declare(name, fallback ? "true" : "false", help);
  const auto given = lookup(name, false);
  if (!given) return fallback;
  const auto value = parse_flag(*given);
  if (!value) mistake(name, "is '" + *given + "', not true or false");
  return value.value_or(fallback);
}

long Settings::number(const std::string& name, long fallback, long min, long max, const std::string& help) {
  declare(name, std::to_string(fallback), help);
  const auto given = lookup(name, false);
  if (!given) return fallback;
  const auto value = parse_number(*given);
  if (value && *value >= min && *value <= max) return *value;
  mistake(name, fmt::format("is '{}', not a whole number from {} to {}", *given, min, max));
  return fallback;
}

milliseconds Settings::duration(const std::string& name, milliseconds fallback, milliseconds min,
                                milliseconds max, const std::string& help) {
  declare(name, format_duration(fallback), help);
  const auto given = lookup(name, false);
  if (!given) return fallback;
  const auto value = parse_duration(*given);
  if (value && *value >= min && *value <= max) return *value;
  mistake(name, fmt::format("is '{}', not a duration from {} to {}, such as 250ms, 30s, 5m or 2h", *given,
                            format_duration(min), format_duration(max)));
  return fallback;
}

std::string Settings::url(const std::string& name, const std::string& fallback, const std::string& help) {
  declare(name, fallback, help);
  const auto given = lookup(name, false);
  if (!given) return parse_url(fallback).value_or(fallback);
  const auto value = parse_url(*given);
  // A URL can carry a password, so it is not repeated.
  if (!value) mistake(name, "is not a URL that begins with http:// or https:// and names a host");
  return value.value_or(fallback);
}

std::string Settings::file(const std::string& name, const std::string& help) {
  std::string path = text(name, "", help);
  if (!path.empty() && !std::ifstream(path)) mistake(name, "names '" + path + "', which cannot be read");
  return path;
}

void Settings::mistake(const std::string& name, const std::string& what) {
  // As with declare(): two parts that read the same setting complain once.
  if (std::ranges::find(mistakes_, name + " " + what) == mistakes_.end())
    mistakes_.push_back(name + " " + what);
}

void Settings::finish() const {
  if (mistakes_.empty()) return;
  std::string message =
      fmt::format("{} {} wrong:", mistakes_.size(), mistakes_.size() == 1 ? "setting is" : "settings are");
  for (const auto& what : mistakes_)
    message += "\n  " + what;
  throw Error(Fault::config, "setting_invalid", message);
}

std::string Settings::describe() const {
  std::size_t name_width = 4;
  std::size_t fallback_width = 7;
  for (const auto& declared : declared_) {
    name_width = std::max(name_width, declared.name.size());
    fallback_width = std::max(fallback_width, declared.fallback.size());
  }
  const auto row = [&](std::string_view name, std::string_view fallback, std::string_view help) {
    return fmt::format("  {:<{}}  {:<{}}  {}\n", name, name_width, fallback, fallback_width, help);
  };
  std::string table = row("NAME", "DEFAULT", "MEANING");
  for (const auto& declared : declared_)
    table += row(declared.name, declared.fallback, declared.help);
  return table;
}

namespace {

std::string usage_of(std::string_view program) {
  return fmt::format("Usage: {} [--help | --version | --check-config]\n", program);
}

int print_help(std::string_view program, std::string_view purpose,
               const std::function<void(Settings&)>& load) {
  Settings settings([](const std::string&) { return std::nullopt; });
  try {
    load(settings);
  } catch (const Error&) {
    // Nothing is set here, so what is required is missing; only the declarations are wanted.
  }
  fmt::print("{}: {}\n\n{}\nSettings, all environment variables:\n{}", program, purpose, usage_of(program),
             settings.describe());
  return exit_ok;
}

int check_config(std::string_view program, const std::function<void(Settings&)>& load) {
  Settings settings(process_environment());
  try {
    load(settings);
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return exit_config;
  }
  fmt::print("{}: the settings are in order\n", program);
  return exit_ok;
}

}  // namespace

std::optional<int> handle_arguments(int argc, char** argv, std::string_view program, std::string_view purpose,
                                    const std::function<void(Settings&)>& load) {
  if (argc <= 1) return std::nullopt;
  const std::string_view argument = argv[1];
  if (argc == 2 && argument == "--help") return print_help(program, purpose, load);
  if (argc == 2 && argument == "--check-config") return check_config(program, load);
  if (argc == 2 && argument == "--version") {
    fmt::print("{} {}\n", program, ROLLCALL_VERSION);
    return exit_ok;
  }
  fmt::print(stderr, "{}: unknown argument '{}'\n{}", program,
             argc == 2 ? argument : std::string_view(argv[2]), usage_of(program));
  return exit_usage;
}

}  // namespace rollcall::config
