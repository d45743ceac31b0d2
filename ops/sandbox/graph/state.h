#pragma once
#include "common/http_server/server.h"
#include "ops/sandbox/graph/directory.h"
#include "ops/sandbox/graph/throttle.h"

#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace rollcall::sandbox_graph {

struct Settings {
  std::optional<std::string> tenant, client_id, client_secret;  ///< nothing: any is accepted
  std::chrono::milliseconds lag{0};                             ///< reads see changes this much later
  std::chrono::seconds token_lifetime{3600};
  std::chrono::hours delta_lifetime{24 * 7};
  std::optional<double> units_limit;  ///< per 10 s; nothing: by the number of users, as Microsoft does
  double writes_limit = 3000;         ///< per 150 s
};

/// What goes wrong on purpose; all rates in [0, 1].
struct Faults {
  double rate = 0;  ///< a request or part answers with one of `status`, not applied
  std::vector<int> status{503};
  double cut_after_write_rate = 0;  ///< applied, then the connection closes without an answer
  double drop_part_rate = 0;        ///< applied, but missing from the batch's answer
  double page_fail_rate = 0;        ///< a page after the first answers 503
  int patch_503_above = -1;         ///< PATCH parts of a batch beyond this many answer 503; -1: no limit
};

struct Stats {
  long http = 0, batches = 0, tokens = 0;
  long reads = 0, writes = 0, throttled = 0, unauthorized = 0, faults = 0;
  long members_added = 0, members_removed = 0, users_removed = 0;
  double units = 0;
  std::map<std::string, long> operations;
  std::set<std::string> groups_touched;
};

struct DeltaToken {
  std::vector<Uuid> groups;
  bool all = false;  ///< no filter: every group there is
  std::string select;
  Version from = 0, to = 0;  ///< a round reports (from, to]
  bool initial = false;      ///< full state instead of changes
  bool page = false;         ///< a nextLink's token: `group` and `at` say where
  std::size_t group = 0, at = 0;
  WallTime issued{};
};

struct State {
  Settings settings;
  Faults faults;
  Stats stats;
  Directory directory;
  Throttle throttle;
  std::unordered_map<std::string, WallTime> tokens;  ///< bearer → end
  std::unordered_map<std::string, DeltaToken> deltas;
  std::string delta_loss;  ///< "" or how older delta tokens fail: "gone", "sync_state_not_found"
  WallTime delta_lost_before{};
  std::mt19937_64 random{1};
};

double chance(State& state);
std::string random_uuid(State& state);
Version visible(const State& state, WallTime now);

}  // namespace rollcall::sandbox_graph
