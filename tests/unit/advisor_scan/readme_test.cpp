#include "tests/unit/advisor_scan/world.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace rollcall;
using namespace rollcall::advisor_test;

namespace {

std::string readme() {
  const char* root = std::getenv("ROLLCALL_SOURCE");
  REQUIRE(root != nullptr);  // ctest sets it
  std::ifstream in(std::string(root) + "/workers/advisor_scan/README.md", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("The README lists each rule and each limit as the tables have them, and no other") {
  const std::string text = readme();
  for (const auto& rule : all_rules()) {
    const std::string row = std::string("| `") + rule.id + "` | " + rule.pillar + " | " + rule.severity +
                            " | " + rule.title + " |\n";
    INFO(row);
    CHECK(text.find(row) != std::string::npos);
  }
  CHECK(count(text, "\n| `advisor.") == all_rules().size());
  for (const auto& limit : count_limits())
    CHECK(text.find(std::string("| `") + limit.setting + "` | " + std::to_string(limit.fallback) + " | " +
                    limit.help + " |") != std::string::npos);
  for (const auto& limit : time_limits())
    CHECK(text.find(std::string("| `") + limit.setting + "` | ") != std::string::npos);
  CHECK(count(text, "\n| `ROLLCALL_ADVISOR_") == count_limits().size() + time_limits().size());
}
