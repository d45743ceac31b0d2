#include "common/graph/waiting_line.h"

#include "tests/support/catch.h"

#include <string>
#include <vector>

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime start{24h};

/// Serves everybody in turn, one every `every`.
std::vector<std::uint64_t> serve_all(WaitingLine& line, std::chrono::milliseconds every = 1ms) {
  std::vector<std::uint64_t> order;
  for (auto now = start; const auto next = line.next(now); now += every) {
    order.push_back(*next);
    line.leave(*next, true, now);
  }
  return order;
}

}  // namespace

TEST_CASE("organizations take turns, each in its own order") {
  WaitingLine line{5s};
  for (std::uint64_t ticket = 1; ticket <= 4; ++ticket)
    line.join(ticket, Priority::interactive, "large", start);
  line.join(10, Priority::interactive, "small", start);
  line.join(11, Priority::interactive, "other", start);
  line.join(12, Priority::interactive, "small", start);
  CHECK(serve_all(line) == std::vector<std::uint64_t>{1, 10, 11, 2, 12, 3, 4});
}

TEST_CASE("an organization that comes back stands behind those who wait") {
  WaitingLine line{5s};
  line.join(1, Priority::bulk, "a", start);
  line.join(2, Priority::bulk, "b", start);
  line.leave(1, true, start);
  line.join(3, Priority::bulk, "a", start);
  CHECK(serve_all(line) == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("who gives up leaves no gap") {
  WaitingLine line{5s};
  line.join(1, Priority::bulk, "a", start);
  line.join(2, Priority::bulk, "b", start);
  line.join(3, Priority::bulk, "a", start);
  line.leave(1, false, start);
  CHECK(serve_all(line) == std::vector<std::uint64_t>{3, 2});
  CHECK_FALSE(line.next(start));
}

TEST_CASE("interactive goes before bulk, but bulk has a turn now and then") {
  WaitingLine line{5s};
  line.join(100, Priority::bulk, "sweep", start);
  line.join(101, Priority::bulk, "sweep", start);
  for (std::uint64_t ticket = 1; ticket <= 14; ++ticket)
    line.join(ticket, Priority::interactive, "a", start);
  CHECK(serve_all(line, 1s) ==
        std::vector<std::uint64_t>{1, 2, 3, 4, 5, 100, 6, 7, 8, 9, 101, 10, 11, 12, 13, 14});
}
