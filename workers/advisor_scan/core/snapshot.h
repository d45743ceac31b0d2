#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/result.h"
#include "common/core/schedule.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// The state that the rules look at, as plain data.
namespace rollcall::advisor_scan {

/// Where a part of the snapshot comes from; each is read, or not, as a whole.
enum class Source : unsigned {
  organizations = 1U << 0,
  histories = 1U << 1,
  approvals = 1U << 2,
  queues = 1U << 3,
  traffic = 1U << 4,
  schedules = 1U << 5,
  pauses = 1U << 6,
  dead_letters = 1U << 7,
  audit = 1U << 8,
  certificate = 1U << 9,   ///< of ours, from the settings
  application = 1U << 10,  ///< of ours, as Entra ID has it registered
  permissions = 1U << 11,  ///< that an administrator granted it
  grants = 1U << 12,       ///< of people, in the vault
};
const char* to_string(Source source);

/// Several of them.
struct Sources {
  unsigned bits = 0;
  constexpr Sources() = default;
  constexpr Sources(Source one) : bits(static_cast<unsigned>(one)) {}  // NOLINT: one is a set too
  constexpr Sources(Source a, Source b) : bits(static_cast<unsigned>(a) | static_cast<unsigned>(b)) {}
  [[nodiscard]] constexpr bool has(Sources all) const { return (bits & all.bits) == all.bits; }
  constexpr void add(Source one) { bits |= static_cast<unsigned>(one); }
};

/// An organization that has a group.
struct Linked {
  Uuid id, group;
  WallTime changed_at;  ///< itself or its roster
  std::optional<WallTime> synced_at,
      read_at;                         ///< the last sync that came to its end, and when it began to read
  bool roster_changed = false;         ///< since that one read
  std::optional<WallTime> marked_at;   ///< a sweep heard then that the group changed
  std::optional<WallTime> checked_at;  ///< group-health looked at it last
};

/// What the newest runs of one worker did for an organization.
struct History {
  Uuid organization;
  std::string worker;
  long failures = 0;  ///< in a row, up to now
  Uuid failed_run;    ///< the newest of them
  std::string code;   ///< of that one
  std::optional<Uuid> succeeded_run;
  long unmatched = 0, unresolved = 0;  ///< as the last run that succeeded told
};

/// Plans of an organization that wait for somebody.
struct Approvals {
  Uuid organization, oldest_run;
  WallTime since;
  long waiting = 0;
  std::string code;  ///< why the oldest is held back
};

/// What a kind of worker has not begun.
struct Queue {
  std::string worker;
  long queued = 0;
  std::optional<WallTime> oldest;       ///< of what someone waits for
  std::optional<WallTime> oldest_bulk;  ///< of what stands behind that
  long living = 0;                      ///< its processes
  bool paused = false;
};

struct Traffic {
  long requests = 0, throttled = 0;
};

struct ScheduleState {
  schedules::Schedule schedule;
  bool paused = false, ended = false;
  std::optional<WallTime> paused_at;
};

struct WorkerPause {
  std::string worker;
  WallTime since;
};

/// On one topic, none of them sent back yet.
struct DeadLetters {
  std::string topic;
  long letters = 0;
  std::map<std::string, long> codes;
  std::optional<WallTime> oldest;
};

/// A run whose changes the audit trail does not have, or not all of them.
struct AuditGap {
  Uuid organization, run;
  WallTime finished_at;
  long changes = 0, events = 0;
};

struct Credential {
  std::string kind;  ///< "secret" or "certificate"
  std::string id;    ///< keyId, or the certificate's thumbprint
  std::string name;
  WallTime ends_at;
};

/// What a person granted, and when it was renewed last.
struct GrantState {
  Uuid id;
  WallTime renewed_at;
};

struct Snapshot {
  WallTime taken_at;
  std::string tenant_id, client_id;
  std::optional<Uuid> organization;  ///< only about this one; nothing: about all of the tenant
  Sources read;                      ///< what the rest of this was read from
  std::map<Source, Problem> unread;  ///< what could not be read, and why
  std::vector<Linked> linked;
  std::vector<History> histories;
  std::vector<Approvals> approvals;
  std::vector<Queue> queues;
  Traffic traffic;
  std::vector<ScheduleState> schedules;
  std::vector<WorkerPause> pauses;
  std::vector<DeadLetters> dead_letters;
  std::vector<AuditGap> audit_gaps;
  std::vector<Credential> certificates;  ///< from the settings
  std::vector<Credential> credentials;   ///< from the registration
  std::string application_hidden;        ///< why Entra ID does not show the registration; empty: it does
  std::vector<std::string> permissions;
  std::vector<GrantState> grants;  ///< the longest unrenewed first; not all of them where they are many
};

}  // namespace rollcall::advisor_scan
