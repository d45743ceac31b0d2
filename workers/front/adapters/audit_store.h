#pragma once
#include "common/core/clock.h"
#include "common/postgres/postgres.h"
#include "workers/front/adapters/page.h"
#include "workers/front/adapters/sight.h"

#include <optional>
#include <string>

/// The audit trail as its readers see it. It may hold years of events, and only what a read is about is
/// looked at: the trail is kept by month, and within a month lies in the order of time, so every read is
/// bounded by time and moves on from there.
namespace rollcall::front {

struct AuditFilter {
  std::optional<Uuid> organization, run, member;
  std::string action, actor;             ///< empty: any
  std::optional<WallTime> since, until;  ///< from since up to but not including until
};

/// Newest first; its position is time and event id.
Page list_audit(postgres::Database& database, const Sight& sight, const AuditFilter& filter,
                const Position& position, long limit, WallTime now);

/// Everything that a filter lets through, oldest first, in blocks. Not safe from several threads at once.
class AuditExport {
 public:
  AuditExport(postgres::Database& database, Sight sight, AuditFilter filter, WallTime now);
  /// Up to `most` events, one JSON document a line; empty once there are no more. Throws as Database.
  std::string next(long most);
  [[nodiscard]] long events() const { return events_; }

 private:
  postgres::Rows read(WallTime to, long most);
  postgres::Database& database_;
  Sight sight_;
  AuditFilter filter_;
  WallTime from_, end_;
  std::chrono::milliseconds window_;
  Position last_;  ///< the last event of this window, where it goes on within it
  long events_ = 0;
};

}  // namespace rollcall::front
