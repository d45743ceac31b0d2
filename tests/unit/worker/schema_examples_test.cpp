#include "common/schema/validator.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;
using namespace rollcall;

namespace {

fs::path examples() {
  const char* source = std::getenv("ROLLCALL_SOURCE");
  return fs::path{source == nullptr ? "." : source} / "schemas/messages/examples";
}

int judge_all(const char* kind, bool valid) {
  const schema::Validator validator;
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(examples() / kind)) {
    if (entry.path().extension() != ".json") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const auto problem =
        validator.check(entry.path().parent_path().filename().string(), Json::parse(text.str()));
    INFO(entry.path() << (problem ? ": " + problem->message : ""));
    CHECK(problem.has_value() != valid);
    if (problem) CHECK(problem->code == "schema_violation");
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("every example is judged rightly") {
  CHECK(judge_all("valid", true) >= 6);
  CHECK(judge_all("invalid", false) >= 12);
}

TEST_CASE("a problem names the field") {
  const schema::Validator validator;
  const auto problem = validator.check("rollcall.run.v1", {{"run_id", "x"}});
  REQUIRE(problem);
  const auto dry_run = validator.check("rollcall.member-sync.command.v1",
                                       {{"run_id", "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11"},
                                        {"operation", "sync-members"},
                                        {"organization_id", "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11"},
                                        {"dry_run", "yes"}});
  REQUIRE(dry_run);
  CHECK(dry_run->message.find("/dry_run") != std::string::npos);
  CHECK(validator.check("no.such.type", Json::object())->code == "unknown_message_type");
  CHECK(validator.knows("rollcall.tick.v1"));
}
