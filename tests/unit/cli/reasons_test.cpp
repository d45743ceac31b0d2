#include "common/core/reasons.h"

#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

/// The table of reasons and the tree hold each other to account: what the sources say is read from the
/// sources.
using namespace rollcall;
namespace fs = std::filesystem;

namespace {

std::string source_root() {
  const char* root = std::getenv("ROLLCALL_SOURCE");
  REQUIRE(root != nullptr);  // ctest sets it
  return root;
}

/// Every source of the product, by path.
const std::map<std::string, std::string>& sources() {
  static const auto all = [] {
    std::map<std::string, std::string> found;
    for (const char* folder : {"common", "workers", "ops"})
      for (const auto& entry : fs::recursive_directory_iterator(fs::path(source_root()) / folder)) {
        const auto extension = entry.path().extension();
        if ((extension != ".cpp" && extension != ".h") || entry.path().filename() == "reasons.cpp") continue;
        std::ifstream in(entry.path(), std::ios::binary);
        found[entry.path().string()] = std::string(std::istreambuf_iterator<char>(in), {});
      }
    return found;
  }();
  REQUIRE(all.size() > 100);
  return all;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), regex); at != std::sregex_iterator(); ++at)
    found.insert((*at)[1].str());
  return found;
}

}  // namespace

TEST_CASE("Every code that the tree gives stands in the table, with a cure") {
  const std::vector<std::string> givers = {
      R"re(Fault::[a-z_]+,\s*"([a-z_]+)")re",       // Error(Fault::…, "code", …)
      R"re(Failure\(\s*[a-z_]+,\s*"([a-z_]+)")re",  // Failure(refused, "code", …)
      R"re(\b(?:Failed|RetryAfter|WaitUntil|NeedsApproval|Problem)\s*\{\s*"([a-z_]+)")re",  // what a handler
                                                                                            // answers
      R"re(\? "([a-z]+_[a-z_]+)"\s*: "[a-z]+_[a-z_]+",)re",  // chosen between two
      R"re(\? "[a-z]+_[a-z_]+"\s*: "([a-z]+_[a-z_]+)",)re",
      R"re(\b(?:Refused\(|Refusal [a-z]+|problem_answer\()\s*\{\s*[0-9]+,\s*"([a-z_]+)")re",  // the front's refusals
      R"re(error_code = '([a-z_]+)')re",
  };
  std::set<std::string> given;
  for (const auto& [path, text] : sources()) {
    if (path.find("/ops/sandbox/graph/") != std::string::npos) continue;  // it answers with Microsoft's codes
    for (const auto& giver : givers)
      for (const auto& code : matches(text, giver)) {
        INFO(path << " gives \"" << code << "\"");
        CHECK_FALSE(cure_for(code).empty());
        given.insert(code);
      }
  }
  // So that a pattern that no longer matches anything is noticed.
  for (const char* known : {"setting_invalid", "group_linked_elsewhere", "guard_removals", "group_not_linked",
                            "graph_token_refused", "rejected", "json_too_deep"}) {
    INFO(known);
    CHECK(given.contains(known));
  }
}

TEST_CASE("Every row of the table is given somewhere, once, and says what to do in a sentence") {
  std::set<std::string_view> seen;
  for (const auto& reason : all_reasons()) {
    INFO(reason.code);
    CHECK(seen.insert(reason.code).second);
    CHECK(reason.cure.size() > 10);
    CHECK(reason.cure.ends_with('.'));
    const std::string quoted = '"' + std::string(reason.code) + '"',
                      in_sql = '\'' + std::string(reason.code) + '\'';
    bool used = false;
    for (const auto& [path, text] : sources())
      used = used || text.find(quoted) != std::string::npos || text.find(in_sql) != std::string::npos;
    CHECK(used);
  }
  CHECK(cure_for("no_such_code").empty());
}
