#include "workers/front/core/positions.h"

#include "tests/support/catch.h"

#include <limits>

using namespace rollcall::front;

TEST_CASE("Positions are an event's id and come back the same") {
  const std::vector<Positions> all = {
      {0}, {1, 0, 35, 36}, {std::numeric_limits<std::int64_t>::max(), 7}, Positions(64, 123456789)};
  for (const auto& positions : all)
    CHECK(read_positions(write_positions(positions)) == positions);
  CHECK(write_positions({10, 36, 0}) == "a.10.0");
}

TEST_CASE("An id that is none of ours is nothing") {
  for (const std::string id : {"", ".", "1.", ".1", "1..2", "-1", "1.-2", "1 2", "z!", "+1", "1.2\n",
                               "zzzzzzzzzzzzzzzzzzzz", "7f3c-0"})
    CHECK_FALSE(read_positions(id));
  CHECK_FALSE(read_positions(std::string(5000, '1')));
  std::string long_one = "1";
  for (int i = 0; i < 5000; ++i)
    long_one += ".1";
  CHECK_FALSE(read_positions(long_one));
}

TEST_CASE("A partition that a position does not name is at its beginning") {
  Positions at{5};
  CHECK(position_of(at, 3) == 0);
  advance(at, 2, 0);
  CHECK(at == Positions{5, 0, 1});
  CHECK(covers({5}, {5, 0}));
  CHECK_FALSE(covers({5}, {5, 1}));
  CHECK_FALSE(covers({6, 0}, {5, 1}));
  CHECK(covers({6, 1}, {5, 1}));
  CHECK(later_of({1, 9}, {4, 2, 3}) == Positions{4, 9, 3});
}

TEST_CASE("A reader goes on where it stood unless something of it is gone or never was") {
  const std::vector<Held> held = {{10, 100}, {0, 50}};
  const Positions now{90, 50};
  CHECK(can_resume(held, {10, 0}, now, 1000));
  CHECK(can_resume(held, {90, 50}, now, 0));
  CHECK_FALSE(can_resume(held, {9, 0}, now, 1000));      // retention took it
  CHECK_FALSE(can_resume(held, {101, 0}, now, 1000));    // the topic was made anew
  CHECK_FALSE(can_resume(held, {50, 0, 0}, now, 1000));  // another topic's
  CHECK_FALSE(can_resume(held, {50, 0}, now, 89));       // 40 + 50
  CHECK(can_resume(held, {50, 0}, now, 90));
  CHECK(can_resume(held, {99, 50}, now, 0));               // another front was quicker
  CHECK(can_resume({{0, 5}, {0, 5}}, {3}, {3, 5}, 1000));  // a partition was added
}
