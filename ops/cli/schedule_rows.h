#pragma once
#include "ops/cli/context.h"
#include "workers/scheduler/core/schedule.h"

#include <optional>
#include <string>
#include <vector>

/// Schedules as the commands read, change and show them.
namespace rollcall::cli {

/// A schedule with what is known of it beside its plan.
struct ScheduleRow {
  scheduler::Schedule schedule;
  bool paused = false, ended = false;
  std::string note, paused_by;
  std::optional<std::string> paused_at, next_fires_at, last_due_at, buffered_due_at;  ///< RFC 3339
};

/// By name, or the first `limit`. With a transaction that changes it the row is locked.
std::vector<ScheduleRow> read_schedules(postgres::Transaction& transaction, long limit);
/// Throws Failure{not_found, "schedule_not_found"}.
ScheduleRow read_schedule_named(postgres::Transaction& transaction, const std::string& name, bool lock);

/// Throws Failure{usage, "setting_invalid"}, which names the option and says what it may hold.
[[noreturn]] void refuse_option(const std::string& message, const std::string& command);
/// "30s", "15m", "2h", "1d".
std::chrono::seconds parse_duration(const std::string& text, const std::string& option,
                                    const std::string& command);
std::string duration_word(std::chrono::seconds time);
WallTime parse_time(const std::string& text, const std::string& option, const std::string& command);

/// "cli:ada" where the environment says who types, else "cli".
std::string who(const Context& context);
/// Wakes the scheduler once the transaction commits.
void notify_scheduler(postgres::Transaction& transaction);

/// Columns for storing a due time: when it fires, and the due time itself where that differs.
std::pair<postgres::Value, postgres::Value> due_columns(const scheduler::Schedule& schedule, WallTime due);

}  // namespace rollcall::cli
