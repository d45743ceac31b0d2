#include "ops/cli/arguments.h"

#include "ops/cli/app.h"
#include "tests/support/catch.h"

#include <sstream>

using namespace rollcall::cli;

namespace {

Arguments parsed(std::vector<std::string> words) {
  std::ostringstream out;
  const auto arguments = parse_arguments(std::move(words), false, out);
  REQUIRE(arguments);
  return *arguments;
}

}  // namespace

TEST_CASE("Commands are told apart, and names are never taken for commands") {
  CHECK(parsed({"doctor"}).command == "doctor");
  CHECK(parsed({"org", "show", "list"}).organization == "list");
  CHECK(parsed({"sync", "doctor"}).organization == "doctor");
  const auto policy = parsed({"policy", "Contoso", "set", "--removal", "mirror"});
  CHECK(policy.command == "policy set");
  CHECK(policy.organization == "Contoso");
  CHECK(policy.removal == "mirror");
  CHECK(parsed({"roster", "import", "Contoso", "-"}).file == "-");
  const auto sync = parsed({"sync", "--all", "--wait", "--timeout", "5"});
  CHECK(sync.all);
  CHECK(sync.timeout_seconds == 5);
}

TEST_CASE("--json may stand anywhere before a lone --") {
  std::vector<std::string> words = {"--json", "org", "list"};
  CHECK(take_json_flag(words));
  CHECK(words == std::vector<std::string>{"org", "list"});
  words = {"org", "list", "--json"};
  CHECK(take_json_flag(words));
  words = {"org", "show", "--", "--json"};
  CHECK_FALSE(take_json_flag(words));
  CHECK(words.size() == 4);
}

TEST_CASE("Mistakes of usage end with 2 and name the help to read") {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {},
           {"nonsense"},
           {"org"},
           {"org", "add"},
           {"org", "show"},
           {"org", "show", "a", "b"},
           {"sync"},
           {"sync", "a", "--all"},
           {"policy", "a", "set", "--removal", "everything"},
           {"runs", "list", "--limit", "-1"},
           {"runs", "list", "--state", "x"},
           {"runs", "cancel"},
           {"runs", "retry"},
           {"workers", "pause"},
           {"workers", "pause", "a", "b"},
           {"dead", "show"},
           {"dead", "show", "a.dead:0:1", "a.dead:0:2"},
           {"dead", "replay"},
           {"dead", "replay", "a.dead:0:1", "--all", "a"},
           {"dead", "replay", "a.dead:0:1", "--reason", "x"},
           {"schedules", "add", "--name", "a", "--worker", "w", "--operation", "o"},
           {"topics", "create", "--partitions", "0"},
           {"runs", "show", "no-guid"},
           {"doctor", "--nonsense"}}) {
    std::ostringstream out, err;
    std::istringstream in;
    CHECK(run(words, {out, err, in, [](const std::string&) { return std::nullopt; }, {}}) == usage);
    CHECK(err.str().find("--help") + err.str().find("Give") != 2 * std::string::npos);
    CHECK(out.str().empty());
  }
}

TEST_CASE("A command that is not there is named, with the one that was meant") {
  const auto said = [](const std::vector<std::string>& words) {
    std::ostringstream out, err;
    std::istringstream in;
    CHECK(run(words, {out, err, in, [](const std::string&) { return std::nullopt; }, {}}) == usage);
    return err.str();
  };
  CHECK(said({"dcotor"})
            .starts_with("error: there is no command 'rollcall dcotor'; did you mean 'rollcall doctor'?\n"));
  CHECK(said({"org", "lst"}).starts_with("error: there is no command 'rollcall org lst'; did you mean"));
  CHECK(said({"sched"}).find("did you mean 'rollcall schedules'?") != std::string::npos);
  CHECK(said({"frobnicate"}).starts_with("error: there is no command 'rollcall frobnicate'\n"));
  CHECK(said({}).starts_with("error: rollcall needs a command: doctor, migrate, org,"));
  CHECK(said({"policy", "Contoso"}).starts_with("error: rollcall policy needs a command: show, set\n"));
  CHECK(said({"org"}).find("See 'rollcall org --help'.") != std::string::npos);
  CHECK(said({"sync", "Contoso", "--all"}).find("one of the two") != std::string::npos);
  CHECK(said({"org", "add"}).find("--name is required") != std::string::npos);
}

TEST_CASE("Help is for every command, has an example, and ends with 0") {
  for (const auto& words : std::vector<std::vector<std::string>>{{"doctor"},
                                                                 {"org", "add"},
                                                                 {"roster", "import"},
                                                                 {"sync"},
                                                                 {"plan"},
                                                                 {"runs", "approve"},
                                                                 {"schedules", "add"},
                                                                 {"topics", "tail"}}) {
    std::ostringstream out, err;
    std::istringstream in;
    auto asked = words;
    asked.push_back("--help");
    CHECK(run(asked, {out, err, in, [](const std::string&) { return std::nullopt; }, {}}) == done);
    CHECK(out.str().find("Example:") != std::string::npos);
    CHECK(out.str().find("--json") != std::string::npos);
  }
}

TEST_CASE("A missing DATABASE_URL is a mistake of usage that says what to export") {
  std::ostringstream out, err;
  std::istringstream in;
  CHECK(run({"org", "list"}, {out, err, in, [](const std::string&) { return std::nullopt; }, {}}) == usage);
  CHECK(err.str().find("DATABASE_URL is not set") != std::string::npos);
  CHECK(err.str().find("what to do: export DATABASE_URL=") != std::string::npos);
}
