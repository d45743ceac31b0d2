#include "ops/cli/complaint.h"

#include "ops/cli/output.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace rollcall::cli {
namespace {

/// Levenshtein's distance.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0UL);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string words_of(CLI::App& app) {
  std::string words = app.get_name();
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    words += " " + at->get_name();
  }
  return words;
}

std::string complaint(CLI::App& app, const CLI::ParseError& error) {
  CLI::App* at = &app;
  while (!at->get_subcommands().empty())
    at = at->get_subcommands().front();
  std::vector<std::string> known;
  for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(sub->get_name());
  const auto unread = at->remaining();
  if (known.empty() || dynamic_cast<const CLI::RequiredError*>(&error) == nullptr) return error.what();
  if (unread.empty() || unread.front().starts_with('-')) {
    std::string list;
    for (const auto& name : known)
      list += (list.empty() ? "" : ", ") + name;
    return words_of(app) + " needs a command: " + list;
  }
  const std::string& typed = unread.front();
  const auto nearest = std::ranges::min_element(known, {}, [&](const std::string& name) {
    return name.starts_with(typed) ? 0 : distance(typed, name);
  });
  // Farther off it would be a guess.
  const bool near = distance(typed, *nearest) <= 2 || nearest->starts_with(typed);
  return "there is no command '" + words_of(app) + " " + printable(typed) + "'" +
         (near ? "; did you mean '" + words_of(app) + " " + *nearest + "'?" : "");
}

}  // namespace rollcall::cli
