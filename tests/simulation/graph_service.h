#pragma once
#include "common/graph/governor.h"
#include "tests/simulation/timeline.h"
#include "workers/member_sync/core/judge.h"

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <vector>

/// Microsoft Graph as far as it can be felt: memberships, quotas, refusals for a while, answers that never
/// come.
namespace rollcall::simulation {

struct GraphFaults {
  double unavailable = 0;  ///< a part is answered 503 or 500, applied or not
  double silent = 0;       ///< no answer to a call at all, applied or not
  double throttled = 0;    ///< a call is answered 429 with Retry-After
  milliseconds latency{200};
};

struct GraphAnswer {
  int status = 200;  ///< of the call as a whole; 0: none came
  std::vector<member_sync::Answer> parts;
  std::vector<Uuid> members;  ///< of a listing
  std::optional<milliseconds> retry_after;
};

class GraphService {
 public:
  GraphService(Timeline& timeline, Random& random, graph::GovernorLimits limits)
      : timeline_(timeline), random_(random), limits_(limits) {}

  struct Change {
    member_sync::StepKind kind;
    std::vector<Uuid> members;
  };
  using Done = std::function<void(GraphAnswer)>;
  void list(const HostPtr& host, const Uuid& group, Done done);
  void write(const HostPtr& host, const Uuid& run, const Uuid& group, std::vector<Change> parts, Done done);

  struct Effect {
    Uuid run, member;
    bool added;
    auto operator<=>(const Effect&) const = default;
  };
  std::map<Uuid, std::set<Uuid>> groups;
  std::multiset<Effect> effects;
  GraphFaults faults;
  bool down = false;
  double most_units = 0;  // in any window

 private:
  struct Meter {
    std::deque<std::pair<SteadyTime, double>> charges;
    double sum = 0;
    double charge(SteadyTime now, double units, milliseconds window);
  };
  void call(const HostPtr& host, graph::Cost cost, std::function<GraphAnswer()> work, Done done);
  member_sync::Answer apply(const Uuid& run, const Uuid& group, const Change& change);

  Timeline& timeline_;
  Random& random_;
  graph::GovernorLimits limits_;
  Meter units_, writes_;
  SteadyTime refusing_until_{};
};

}  // namespace rollcall::simulation
