#pragma once
#include "common/core/schedule.h"
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"
#include "common/runs/runs.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Schedules in PostgreSQL: read by the scheduler, read and changed by people through the command line and the
/// front. Each change by hand leaves its audit event in the outbox of the same transaction, and wakes the
/// scheduler once that commits.
namespace rollcall::schedules {

/// Notified when a schedule was changed, and when a leading scheduler resigned; nothing is in the message.
inline constexpr const char* channel = "rollcall_scheduler";

/// The columns of a schedule `s` that read_schedule() wants, and how many they are.
inline constexpr const char* schedule_columns = R"(
    s.id, s.name, s.worker, s.operation, s.parameters, s.cron, s.interval_seconds, s.time_zone,
    floor(extract(epoch FROM greatest(coalesce(s.nominal_due_at, s.next_due_at), 'epoch'::timestamptz)) * 1000)::bigint,
    s.overlap, s.catch_up_seconds, s.jitter_seconds,
    floor(extract(epoch FROM s.ends_at) * 1000)::bigint, s.remaining)";
inline constexpr std::size_t schedule_column_count = 14;
Schedule read_schedule(const postgres::Row& row, std::size_t first = 0);

/// A schedule with what is known of it beside its plan.
struct Entry {
  Schedule schedule;
  bool paused = false, ended = false;
  std::string note, paused_by;
  std::optional<std::string> paused_at, next_fires_at, last_due_at, buffered_due_at;  ///< RFC 3339

  /// "active", "paused" or "ended".
  [[nodiscard]] std::string state() const;
};

/// Those whose names come after `after`, by name, the first `limit`.
std::vector<Entry> read_entries(postgres::Transaction& transaction, const std::string& after, long limit);
/// By name, or by id. `lock`: the transaction is about to change it. Throws Error{not_found,
/// "schedule_not_found"}.
Entry find_entry(postgres::Transaction& transaction, const std::string& name_or_id, bool lock);

Json to_json(const Entry& entry);
/// When the next `most` ticks fire; none while it is paused.
std::vector<std::string> upcoming(const Entry& entry, WallTime now, std::size_t most);

/// Wakes the scheduler once the transaction commits.
void notify_scheduler(postgres::Transaction& transaction);
/// Columns for storing a due time: when it fires, and the due time itself where that differs.
std::pair<postgres::Value, postgres::Value> due_columns(const Schedule& schedule, WallTime due);

/// What became of a change by hand.
struct Change {
  Entry entry;                       ///< as it was before
  std::string next_fires_at;         ///< of resume()
  std::vector<runs::Stored> stored;  ///< none where nothing changed
};
/// `by`: who is shown beside the note. Paused already with this note: nothing changes.
Change pause(postgres::Transaction& transaction, const std::string& name_or_id, const std::string& note,
             const std::string& by, const runs::Asker& asker);
/// What was missed meanwhile is not made up. Not paused: nothing changes. Throws Error{conflict,
/// "schedule_ended"} where it is never due again.
Change resume(postgres::Transaction& transaction, const std::string& name_or_id, const runs::Asker& asker);
/// Asks the leading scheduler for a tick, due now.
Change trigger(postgres::Transaction& transaction, const std::string& name_or_id, Overlap overlap,
               const std::string& by, const runs::Asker& asker);

/// Asks for the due times from … to, both included. `kind`: trigger or backfill.
void store_request(postgres::Transaction& transaction, const std::string& schedule_id,
                   const std::string& kind, Overlap overlap, WallTime from, WallTime to,
                   const std::string& by);

}  // namespace rollcall::schedules
