#include "ops/cli/output.h"

#include "common/core/error.h"
#include "common/core/reasons.h"
#include "ops/cli/run_text.h"
#include "tests/support/catch.h"

#include <sstream>
#include <stdexcept>

using namespace rollcall;
using namespace rollcall::cli;

TEST_CASE("Tables are aligned on a terminal and tab-separated elsewhere") {
  const std::vector<std::vector<std::string>> rows = {{"Zo\xC3\xAB", "1"}, {"Bob B", "22"}};
  std::ostringstream out, err;
  Output(out, err, false, {true, false, false}).table({"NAME", "N"}, rows, "none");
  CHECK(out.str() == "NAME   N\nZo\xC3\xAB    1\nBob B  22\n");
  out.str("");
  Output(out, err, false, {}).table({"NAME", "N"}, rows, "none");
  CHECK(out.str() == "NAME\tN\nZo\xC3\xAB\t1\nBob B\t22\n");
}

TEST_CASE("An empty table says what to do next, without a line on a pipe") {
  std::ostringstream out, err;
  Output(out, err, false, {}).table({"NAME"}, {}, "add one");
  CHECK(out.str().empty());
  CHECK(err.str() == "add one\n");
}

TEST_CASE("Errors go to stderr with their cure, or as JSON to stdout") {
  const Failure failure(refused, "group_linked_elsewhere", "taken", "Choose another.", {{"id", "x"}});
  std::ostringstream out, err;
  Output(out, err, false, {}).failure(failure);
  CHECK(out.str().empty());
  CHECK(err.str() == "error: taken\n  what to do: Choose another.\n");
  err.str("");
  Output(out, err, true, {}).failure(failure);
  CHECK(err.str().empty());
  CHECK(Json::parse(out.str()) == Json({{"error",
                                         {{"code", "group_linked_elsewhere"},
                                          {"message", "taken"},
                                          {"cure", "Choose another."},
                                          {"id", "x"}}}}));
}

TEST_CASE("What could not be resolved stands by reason, with what to do under each") {
  const auto one = [](const char* address, const char* code) {
    return Json{{"address", address}, {"code", code}};
  };
  const Json first = {one("a@b.c", "address_not_found"), one("d@e.f", "address_ambiguous"),
                      one("g@h.i", "address_not_found")};
  std::ostringstream out, err;
  Output output(out, err, false, {});
  print_result(output, {{"unresolved", 3}, {"unresolved_addresses", {{"first", first}}}});
  const auto cure = [](const char* code) { return "  what to do: " + std::string(cure_for(code)) + "\n"; };
  CHECK(out.str() ==
        "unresolved 3\nunresolved  a@b.c: address_not_found\nunresolved  g@h.i: address_not_found\n" +
            cure("address_not_found") + "unresolved  d@e.f: address_ambiguous\n" + cure("address_ambiguous"));
}

TEST_CASE("Every fault has its exit code") {
  const auto exit_of = [](Fault fault, const char* code) { return describe(Error(fault, code, "x")).exit(); };
  CHECK(exit_of(Fault::transient, "database_unavailable") == unreachable);
  CHECK(exit_of(Fault::conflict, "not_waiting_for_approval") == refused);
  CHECK(exit_of(Fault::denied, "graph_not_permitted") == refused);
  CHECK(exit_of(Fault::not_found, "run_not_found") == not_found);
  CHECK(exit_of(Fault::config, "setting_invalid") == usage);
  CHECK(exit_of(Fault::invalid, "database_refused") == failed);
  CHECK(describe(std::runtime_error("x")).exit() == failed);
}

TEST_CASE("A failure has its code's cure, unless it names a better one") {
  CHECK(describe(Error(Fault::conflict, "database_conflict", "x")).cure() == cure_for("database_conflict"));
  CHECK(describe(std::runtime_error("x")).cure() == cure_for("internal"));
  CHECK(Failure(refused, "group_not_linked", "x").cure() == cure_for("group_not_linked"));
  CHECK(Failure(refused, "group_not_linked", "x", "Do y.").cure() == "Do y.");
}

TEST_CASE("An error's own lines stand, and nothing in it steers the terminal") {
  std::ostringstream out, err;
  Output(out, err, false, {true, true, false}).failure({failed, "internal", "one\n two\x1b[2J\r", "Do y."});
  CHECK(err.str() == "error: one\n two [2J \n  what to do: Do y.\n");
}

TEST_CASE("Text from outside cannot steer the terminal; widths count characters") {
  CHECK(printable("a\x1b[31mb\n") == "a [31mb ");
  CHECK(display_width("Zo\xC3\xAB") == 3);
  CHECK(display_width("\x1b[32mok\x1b[0m") == 2);
}

TEST_CASE("Durations and progress are short") {
  CHECK(duration_text(12) == "12 ms");
  CHECK(duration_text(1'234) == "1.2 s");
  CHECK(duration_text(185'000) == "3 min 5 s");
  CHECK(progress_bar(1, 2, 4) == " 50 %  [##  ] 1/2");
  CHECK(progress_bar(9, 2, 4) == "100 %  [####] 2/2");
  CHECK(progress_bar(0, 0, 4).empty());
}
