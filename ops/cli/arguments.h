#pragma once
#include "ops/cli/output.h"

#include <optional>
#include <string>
#include <vector>

namespace rollcall::cli {

/// What was typed. Flat on purpose: only tree.h knows the parser, and commands read the fields that their
/// help names.
struct Arguments {
  std::string command;  ///< "org add"
  bool json = false;
  std::string organization, name, group, file, out, removal, run, state, topic;
  std::string worker, operation, cron, every, zone = "UTC", parameters, note;
  std::string overlap, catch_up, jitter, offset, until, from, to;  ///< of schedules
  long ticks = 0;                                                  ///< 0: without end
  std::vector<std::string> letters;                                ///< ids of dead letters
  std::string reason;
  std::string finding, pillar, severity, rule, why;
  std::string user, tenant, client, audience;  ///< of a sandbox token
  std::vector<std::string> roles, scopes;
  std::string sources, environment, published;  ///< of the agent's manifest
  std::vector<std::string> set;
  long lifetime_seconds = 3600;
  bool application = false;
  bool force = false, without_kafka = false;
  bool all = false, dry_run = false, full_read = false, calls = false, wait = false, from_start = false;
  long timeout_seconds = 0;  ///< 0: none
  long limit = 20;
  long max = 0;  ///< 0: without end
  int partitions = 4, replication = 1;
};

/// Takes --json out, wherever it stands before a lone "--".
bool take_json_flag(std::vector<std::string>& words);

/// Nothing where the command line asks for help or the version (printed to `out`). Throws Failure{usage}.
std::optional<Arguments> parse_arguments(std::vector<std::string> words, bool json, std::ostream& out);

}  // namespace rollcall::cli
