#pragma once
#include "common/core/result.h"
#include "workers/member_sync/core/plan.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What an answer of Graph to a membership write means for a step of a plan.
namespace rollcall::member_sync {

enum class StepKind {
  add_many,    ///< PATCH with up to 20 binds: all or nothing
  add_one,     ///< POST members/$ref
  remove_one,  ///< DELETE members/{id}/$ref
};

inline constexpr std::size_t binds_per_patch = 20;
inline constexpr int step_attempts_max = 5;

struct Step {
  StepKind kind = StepKind::add_one;
  std::vector<std::uint32_t> changes;  ///< indices into the plan
  int attempts = 0;
  /// An earlier sending may have had its effect: then "already exist" means that we added them.
  bool maybe_applied = false;
};

struct Answer {
  int status = 0;  ///< 0: none came, outcome unknown
  std::string error_code, message;
  std::optional<std::chrono::milliseconds> retry_after;
};

/// Outcome codes of changes that are as they should be; any other is a reason code.
inline constexpr const char* applied = "applied";
inline constexpr const char* already = "already";
/// Graph shows the group and, to writes, denies that there is one: a replica lags behind.
inline constexpr const char* group_not_visible = "group_not_visible";

struct Settled {
  std::uint32_t change = 0;
  std::string code;
  std::string message;
  [[nodiscard]] bool ours() const { return code == applied; }
  [[nodiscard]] bool failed() const { return code != applied && code != already; }
  /// The service was unwell: worth another attempt of the run, not a verdict about this member.
  [[nodiscard]] bool passing() const { return code == "graph_unavailable" || code == group_not_visible; }
};

struct Judgement {
  std::vector<Settled> settled;
  std::vector<Step> again;  ///< to be sent
  bool later = false;       ///< … after a backoff, or retry_after
  bool throttled = false;
  bool overloaded = false;  ///< 503: fewer PATCHes at once
  /// The answer names the group as missing: look at the group, then judge again.
  bool group_in_doubt = false;
  std::optional<Problem> stop;  ///< nothing more can be done with this group
};

/// `group_exists`: somebody has looked, so a 404 that names the group is a replica's that lags behind: it
/// passes, and never means "removed already" (group-delete-members, "Designing for Eventual Consistency").
Judgement judge(const Step& step, const Answer& answer, const Plan& plan, const Uuid& group,
                bool group_exists = false);

}  // namespace rollcall::member_sync
