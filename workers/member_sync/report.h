#pragma once
#include "common/core/address_resolver.h"
#include "common/core/clock.h"
#include "common/core/json.h"
#include "common/graph/client.h"
#include "workers/member_sync/core/judge.h"
#include "workers/member_sync/core/plan.h"

#include <chrono>
#include <optional>
#include <vector>

/// What a run answers: the shape callers and the command line rely on.
namespace rollcall::member_sync {

/// What is known when the plan stands, and is kept with it: a resumed run reports it without reading
/// everything again.
struct Findings {
  long already_member = 0;  ///< roster people found in the group
  long member_count = 0;    ///< of the group, before the changes
  long roster_version = 0;
  std::optional<WallTime> read_at;  ///< the database's time before the group was read
  long absent = 0, ambiguous = 0;   ///< addresses without, or with more than one account
  Json unresolved = Json::array();  ///< the first 100: [{"address","code"}]
};
/// `resolutions` that are resolved are passed over.
void note_unresolved(Findings& findings, const std::vector<Resolution>& resolutions);
Json to_json(const Findings& findings);
Findings findings_from_json(const Json& json);

struct Outcomes {
  long added = 0, removed = 0, already = 0, failed = 0;
  Json failures = Json::array();  ///< the first 1000: [{"member","code","message"}]
};
Outcomes count(const Plan& plan, const std::vector<Settled>& settled);

struct Report {
  const Findings& findings;
  const Plan& plan;
  Outcomes outcomes;
  bool dry_run = false;
  const graph::Usage& usage;
  std::chrono::milliseconds duration{0};
};
Json result_json(const Report& report);

/// The plan for a result, which travels as one message: lists beyond a size are cut and say so. sync.plans
/// has all of it.
Json shown_plan(const Plan& plan);

}  // namespace rollcall::member_sync
