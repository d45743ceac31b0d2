#include "ops/cli/arguments.h"

#include "ops/cli/complaint.h"
#include "ops/cli/tree.h"

#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>

namespace rollcall::cli {

bool take_json_flag(std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, "--");
  const auto rest = std::remove(words.begin(), end, "--json");
  const bool found = rest != end;
  words.erase(rest, end);
  return found;
}

std::optional<Arguments> parse_arguments(std::vector<std::string> words, bool json, std::ostream& out) {
  Arguments arguments;
  arguments.json = json;
  Tree tree(arguments);
  if (words == std::vector<std::string>{"help"}) words = {"--help"};
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    tree.app().parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      tree.app().exit(error, out, out);
      return std::nullopt;
    }
    const std::string command = words_of(tree.app());
    throw Failure(usage, "usage", complaint(tree.app(), error), "See '" + command + " --help'.");
  }
  if (arguments.command == "sync" && arguments.organization.empty() != arguments.all)
    throw Failure(usage, "usage", "sync needs an organization or --all, one of the two",
                  "See 'rollcall sync --help'.");
  if (arguments.command == "dead replay" && arguments.letters.empty() && arguments.topic.empty())
    throw Failure(usage, "usage", "dead replay needs ids or --all TOPIC",
                  "See 'rollcall dead replay --help'.");
  if (arguments.command == "schedules add" && arguments.cron.empty() && arguments.every.empty())
    throw Failure(usage, "usage", "schedules add needs --cron or --every",
                  "See 'rollcall schedules add --help'.");
  return arguments;
}

}  // namespace rollcall::cli
