#include "common/core/clock.h"

#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

using namespace std::chrono_literals;
using rollcall::parse_rfc3339;
using rollcall::to_rfc3339;
using rollcall::WallTime;

TEST_CASE("a time prints in UTC with milliseconds", "[unit][clock]") {
  CHECK(to_rfc3339(WallTime{}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(WallTime{1'795'253'400'007ms}) == "2026-11-21T09:30:00.007Z");
  CHECK(to_rfc3339(WallTime{-1ms}) == "1969-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(WallTime{-62'135'596'800'000ms}) == "0001-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(WallTime{253'402'300'799'999ms}) == "9999-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(WallTime{253'402'300'800'000ms}) == "10000-01-01T00:00:00.000Z");
}

TEST_CASE("a time reads back with zero to nine digits of fraction", "[unit][clock]") {
  const auto whole = parse_rfc3339("2026-11-21T09:30:00Z");
  REQUIRE(whole);
  CHECK(parse_rfc3339("2026-11-21T09:30:00.000000000Z") == whole);
  CHECK(parse_rfc3339("2026-11-21T09:30:00.5Z") == *whole + 500ms);
  CHECK(parse_rfc3339("2026-11-21T09:30:00.1239Z") == *whole + 123ms);
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z").has_value());
  CHECK(parse_rfc3339(to_rfc3339(*whole + 7ms)) == *whole + 7ms);
}

TEST_CASE("any other form of a time is nothing", "[unit][clock]") {
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T09:30:00", "2026-11-21T09:30:00.Z", "2026-11-21T09:30:00.1234567890Z",
        "2026-11-21T09:30:00+00:00", "2026-11-21T09:30:00z", "2026-11-21 09:30:00Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z",
        "2026-11-21T09:30:61Z", "2026-11-21T09:30:00Zx", "26-11-21T09:30:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("blanks and signs are no digits of a time", "[unit][clock]") {
  for (const char* text :
       {"2026-11- 5T09:30:00Z", "2026-11-21T-1:30:00Z", "2026-11-21T09:+3:00Z", "+026-11-21T09:30:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("the manual clock moves by hand alone", "[unit][clock]") {
  rollcall::fakes::ManualClock clock;
  const auto wall = clock.wall();
  const auto steady = clock.steady();
  CHECK(clock.wall() == wall);
  clock.advance(1500ms);
  CHECK(clock.wall() - wall == 1500ms);
  CHECK(clock.steady() - steady == 1500ms);
  clock.set_wall(wall);
  CHECK(clock.steady() - steady == 1500ms);
}
