#pragma once
#include "common/core/json.h"
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"
#include "common/runs/runs.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Who works, and which kinds of worker are paused.
namespace rollcall::runs {

/// The kinds of worker that take commands and ticks: they have topics of their own, and can be paused.
inline constexpr std::array worker_kinds{"member-sync", "group-health", "token-renewal", "advisor-scan"};

struct WorkerProcess {
  std::string instance, version, started_at, seen_at;
  long lanes = 0, busy = 0, in_flight = 0, seen_ms = 0;
  /// It renews its row every other second; one that has not for so long is dead or cut off.
  [[nodiscard]] bool living() const;
};

struct WorkerKind {
  struct Pause {
    std::string note, by, at;
  };
  std::vector<WorkerProcess> processes;
  std::optional<Pause> pause;
};

/// Every kind that Rollcall has, and whatever else has registered itself, by name.
std::map<std::string, WorkerKind> read_worker_kinds(postgres::Transaction& transaction);
Json to_json(const std::string& name, const WorkerKind& kind);

/// Its processes claim no more runs, and finish what they hold. Paused already with this note: nothing
/// changes, and nothing is returned. Throws Error{not_found, "worker_unknown"}.
std::vector<Stored> pause_worker(postgres::Transaction& transaction, const std::string& name,
                                 const std::string& note, const Asker& asker);
/// Not paused: nothing changes, and nothing is returned. Throws as pause_worker().
std::vector<Stored> resume_worker(postgres::Transaction& transaction, const std::string& name,
                                  const Asker& asker);

}  // namespace rollcall::runs
