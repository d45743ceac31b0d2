#include "common/log/log.h"

#include "common/core/clock.h"
#include "common/core/reasons.h"

#include <memory>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace rollcall::log {
namespace {

/// Made at first use and never destroyed: the destructors of other statics may still log. `worker` is written
/// by init alone, before any other thread exists; the sink locks.
struct Output {
  std::string worker = "rollcall";
  spdlog::logger logger{"rollcall", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

  Output() {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::info);
    logger.flush_on(
        spdlog::level::trace);  // a line that is not out when the process dies is the one that was needed
  }
};

Output& output() {
  static Output* const instance = new Output;
  return *instance;
}

spdlog::level::level_enum vendor_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

const char* name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

std::string line_of(Level level, std::string_view event, const Json& fields) {
  nlohmann::ordered_json line;
  line["ts"] = to_rfc3339(SystemClock{}.wall());
  line["level"] = name_of(level);
  line["worker"] = output().worker;
  line["event"] = event;
  for (const auto& [name, value] : fields.items()) {
    // A field may not pass for one of ours.
    line[line.contains(name) ? name + "_" : name] = nlohmann::ordered_json(value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

void init(std::string_view worker, std::string_view level) {
  Output& out = output();
  out.worker = worker;
  for (const Level known : {Level::debug, Level::info, Level::warn, Level::error}) {
    if (level != name_of(known)) continue;
    out.logger.set_level(vendor_level(known));
    return;
  }
  out.logger.set_level(spdlog::level::info);
  warn("log_level_unknown", {{"given", level}, {"used", "info"}});
}

bool enabled(Level level) {
  return output().logger.should_log(vendor_level(level));
}

void write(Level level, std::string_view event, const Json& fields) {
  if (!enabled(level)) return;
  // As a string view it is not read as a format.
  output().logger.log(vendor_level(level), spdlog::string_view_t(line_of(level, event, fields)));
}

Json describe(const std::exception& error) {
  Json fields{{"message", error.what()}};
  if (const auto* ours = dynamic_cast<const Error*>(&error)) {
    fields["code"] = ours->code();
    fields["fault"] = to_string(ours->fault());
    fields["cure"] = cure_for(ours->code());
    if (ours->retry_after()) fields["retry_after_ms"] = ours->retry_after()->count();
  }
  return fields;
}

int fail(const std::exception& error) {
  log::error("process_failed", describe(error));
  const auto* ours = dynamic_cast<const Error*>(&error);
  return ours != nullptr && ours->fault() == Fault::config ? 78 : 1;
}

}  // namespace rollcall::log
