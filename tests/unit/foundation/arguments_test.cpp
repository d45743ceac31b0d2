#include "common/config/settings.h"
#include "tests/support/catch.h"
#include "tests/unit/foundation/captured.h"

#include <cstdlib>

using rollcall::config::handle_arguments;
using rollcall::config::Settings;

namespace {

struct Answer {
  std::optional<int> code;
  std::string out, err;
};

Answer answer_to(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "program");
  std::vector<char*> argv;
  for (auto& argument : arguments)
    argv.push_back(argument.data());
  const Captured out(stdout);
  const Captured err(stderr);
  const auto code = handle_arguments(static_cast<int>(argv.size()), argv.data(), "rollcall-test",
                                     "tests things.", [](Settings& settings) {
                                       settings.required("ROLLCALL_TEST_NEEDED", "what it needs");
                                       settings.number("ROLLCALL_TEST_COUNT", 3, 1, 5, "how many");
                                       settings.finish();
                                     });
  return {code, out.text(), err.text()};
}

}  // namespace

TEST_CASE("without arguments a program goes on and prints nothing", "[unit][arguments]") {
  const auto answer = answer_to({});
  CHECK(answer.code == std::nullopt);
  CHECK((answer.out + answer.err).empty());
}

TEST_CASE("--help prints purpose and settings though none is set", "[unit][arguments]") {
  const auto answer = answer_to({"--help"});
  CHECK(answer.code == 0);
  CHECK_THAT(answer.out, Catch::Contains("tests things.") && Catch::Contains("ROLLCALL_TEST_NEEDED") &&
                             Catch::Contains("ROLLCALL_TEST_COUNT") && Catch::Contains("how many"));
}

TEST_CASE("--version prints name and version", "[unit][arguments]") {
  const auto answer = answer_to({"--version"});
  CHECK(answer.code == 0);
  CHECK(answer.out == "rollcall-test " ROLLCALL_VERSION "\n");
}

TEST_CASE("--check-config lists every mistake and ends with 78, or 0 where there is none",
          "[unit][arguments]") {
  ::unsetenv("ROLLCALL_TEST_NEEDED");
  ::setenv("ROLLCALL_TEST_COUNT", "9", 1);
  const auto wrong = answer_to({"--check-config"});
  CHECK(wrong.code == 78);
  CHECK_THAT(wrong.err,
             Catch::Contains("ROLLCALL_TEST_NEEDED") && Catch::Contains("ROLLCALL_TEST_COUNT is '9'"));
  ::setenv("ROLLCALL_TEST_NEEDED", "x", 1);
  ::unsetenv("ROLLCALL_TEST_COUNT");
  CHECK(answer_to({"--check-config"}).code == 0);
  ::unsetenv("ROLLCALL_TEST_NEEDED");
}

TEST_CASE("an unknown argument prints the usage and ends with 2", "[unit][arguments]") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--halp"}, {"--help", "me"}, {""}}) {
    const auto answer = answer_to(arguments);
    CHECK(answer.code == 2);
    CHECK_THAT(answer.err,
               Catch::Contains("unknown argument '" + arguments.back() + "'") && Catch::Contains("Usage:"));
    CHECK(answer.out.empty());
  }
}
