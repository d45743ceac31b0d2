#pragma once
#include "common/core/error.h"
#include "common/core/json.h"

#include <string_view>

/// One JSON object per line on stderr: ts, level, worker, event, then the fields. Events are stable
/// snake_case names.
///   error: someone must act · warn: odd but handled · info: life cycle and results · debug: the rest
/// Callable from any thread. Nothing secret is ever passed in: secrets have a type (config::Secret) that Json
/// does not take.
namespace rollcall::log {

enum class Level { debug, info, warn, error };

/// Called once, first thing in main. `level` is "debug", "info", "warn" or "error".
void init(std::string_view worker, std::string_view level);

/// For lines that come often: whether anything would be written, before their fields are made.
bool enabled(Level level);
void write(Level level, std::string_view event, const Json& fields = Json::object());
inline void debug(std::string_view event, const Json& fields = Json::object()) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, const Json& fields = Json::object()) {
  write(Level::info, event, fields);
}
inline void warn(std::string_view event, const Json& fields = Json::object()) {
  write(Level::warn, event, fields);
}
inline void error(std::string_view event, const Json& fields = Json::object()) {
  write(Level::error, event, fields);
}

/// The fields that describe an exception: message, and for ours its code, fault and cure.
Json describe(const std::exception& error);

/// The end of every main: logs why and gives the exit code (78 for a configuration error, as sysexits.h; 1
/// otherwise).
int fail(const std::exception& error);

}  // namespace rollcall::log
