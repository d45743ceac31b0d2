#include "common/log/log.h"

#include "common/core/clock.h"
#include "tests/support/catch.h"
#include "tests/unit/foundation/captured.h"

#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace log_ = rollcall::log;  // <cmath> has a log as well
using rollcall::Error;
using rollcall::Fault;
using rollcall::Json;

namespace {

template <class Act>
std::vector<std::string> lines_of(Act act) {
  std::istringstream stream([&] {
    const Captured err(stderr);
    act();
    return err.text();
  }());
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("an event is one JSON line: time, level, worker, event, then the fields", "[unit][log]") {
  const auto lines = lines_of([] {
    log_::init("member-sync", "info");
    log_::info("plan_made", {{"added", 3}, {"text", "two\nlines {} %v"}});
  });
  REQUIRE(lines.size() == 1);
  const auto line = nlohmann::ordered_json::parse(lines[0]);
  std::vector<std::string> names;
  for (const auto& [name, value] : line.items())
    names.push_back(name);
  CHECK(names == std::vector<std::string>{"ts", "level", "worker", "event", "added", "text"});
  CHECK(rollcall::parse_rfc3339(line["ts"].get<std::string>()).has_value());
  CHECK(line["level"] == "info");
  CHECK(line["worker"] == "member-sync");
  CHECK(line["event"] == "plan_made");
  CHECK(line["text"] == "two\nlines {} %v");
}

TEST_CASE("events below the level are not written", "[unit][log]") {
  const auto lines = lines_of([] {
    log_::init("w", "warn");
    log_::debug("a");
    log_::info("b");
    log_::warn("c");
    log_::error("d");
  });
  REQUIRE(lines.size() == 2);
  CHECK(Json::parse(lines[0])["event"] == "c");
  CHECK(Json::parse(lines[1])["level"] == "error");
}

TEST_CASE("an unknown level is said and counts as info", "[unit][log]") {
  const auto lines = lines_of([] {
    log_::init("w", "loud");
    log_::debug("a");
    log_::info("b");
  });
  REQUIRE(lines.size() == 2);
  CHECK(Json::parse(lines[0])["given"] == "loud");
}

TEST_CASE("a field cannot pass for the level or the event, and bad UTF-8 does not silence a line",
          "[unit][log]") {
  const auto lines = lines_of([] {
    log_::init("w", "info");
    log_::info("real", {{"event", "forged"}, {"bytes", "\xff"}});
  });
  REQUIRE(lines.size() == 1);
  CHECK(Json::parse(lines[0])["event"] == "real");
  CHECK(Json::parse(lines[0])["event_"] == "forged");
}

TEST_CASE("lines of several threads do not mix", "[unit][log]") {
  const auto lines = lines_of([] {
    log_::init("w", "info");
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([] {
        for (int n = 0; n < 200; ++n)
          log_::info("tick", {{"n", n}});
      });
  });
  REQUIRE(lines.size() == 800);
  for (const auto& line : lines)
    REQUIRE(Json::accept(line));
}

TEST_CASE("an error of ours is described with code, fault and cure, another by its message", "[unit][log]") {
  const auto ours =
      log_::describe(Error(Fault::throttled, "throttled", "slow down", std::chrono::seconds{2}));
  CHECK(ours["message"] == "slow down");
  CHECK(ours["code"] == "throttled");
  CHECK(ours["fault"] == "throttled");
  CHECK_FALSE(ours["cure"].get<std::string>().empty());
  CHECK(ours["retry_after_ms"] == 2000);
  CHECK(log_::describe(std::runtime_error("odd")) == Json{{"message", "odd"}});
}

TEST_CASE("a configuration error ends with 78, any other with 1", "[unit][log]") {
  int config = 0;
  int other = 0;
  const auto lines = lines_of([&] {
    log_::init("w", "info");
    config = log_::fail(Error(Fault::config, "setting_invalid", "bad"));
    other = log_::fail(std::runtime_error("odd"));
  });
  CHECK(config == 78);
  CHECK(other == 1);
  REQUIRE(lines.size() == 2);
  CHECK(Json::parse(lines[0])["event"] == "process_failed");
  CHECK(Json::parse(lines[0])["level"] == "error");
}
