#include "workers/scheduler/core/decide.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace rollcall;
using namespace rollcall::scheduler;
using namespace std::chrono_literals;

namespace {

WallTime at(const char* text) {
  return parse_rfc3339(text).value();
}

Schedule hourly(Overlap overlap) {
  Schedule schedule;
  schedule.id = "7d9f4a52-1f0e-4a58-8a31-6f2d7f5f0c01";
  schedule.name = "hourly";
  schedule.worker = "member-sync";
  schedule.operation = "sync-members";
  schedule.interval = 3600s;
  schedule.due = at("2026-11-21T09:00:00Z");
  schedule.overlap = overlap;
  return schedule;
}

constexpr Previous none{}, open{true, false}, open_and_buffered{true, true}, buffered{false, true};

}  // namespace

TEST_CASE("what is due on time fires for its own time") {
  const auto schedule = hourly(GENERATE(Overlap::skip, Overlap::buffer_one, Overlap::allow_all));
  const auto decision = decide(schedule, none, at("2026-11-21T09:00:00.004Z")).value();
  CHECK(decision.fire == at("2026-11-21T09:00:00Z"));
  CHECK_FALSE(decision.buffer);
  CHECK_FALSE((decision.missed || decision.skipped));
  CHECK(decision.next == at("2026-11-21T10:00:00Z"));
  CHECK(decision.next_fires_at == at("2026-11-21T10:00:00Z"));
}

TEST_CASE("while the previous tick is open") {
  const WallTime now = at("2026-11-21T09:00:00Z");
  SECTION("skip leaves the due time out") {
    const auto decision = decide(hourly(Overlap::skip), open, now).value();
    CHECK_FALSE((decision.fire || decision.buffer));
    CHECK(decision.skipped);
    CHECK(decision.next == at("2026-11-21T10:00:00Z"));
  }
  SECTION("buffer_one keeps the first due time and leaves the others out") {
    const auto decision = decide(hourly(Overlap::buffer_one), open, now).value();
    CHECK_FALSE(decision.fire);
    CHECK(decision.buffer == now);
    CHECK_FALSE(decision.skipped);
    for (const auto& previous : {open_and_buffered, buffered}) {
      const auto later = decide(hourly(Overlap::buffer_one), previous, now).value();
      CHECK_FALSE((later.fire || later.buffer));
      CHECK(later.skipped);
    }
  }
  SECTION("allow_all does not ask") {
    CHECK(decide(hourly(Overlap::allow_all), open, now).value().fire == now);
  }
}

TEST_CASE("after the scheduler was away") {
  const WallTime now = at("2026-11-21T12:10:00Z");  // 9, 10, 11 and 12 o'clock are due
  SECTION("skip fires the first: the others overlap with it") {
    const auto decision = decide(hourly(Overlap::skip), none, now).value();
    CHECK(decision.fire == at("2026-11-21T09:00:00Z"));
    CHECK(decision.skipped);
    CHECK(decision.next == at("2026-11-21T13:00:00Z"));
  }
  SECTION("buffer_one fires the first and buffers the second") {
    const auto decision = decide(hourly(Overlap::buffer_one), none, now).value();
    CHECK(decision.fire == at("2026-11-21T09:00:00Z"));
    CHECK(decision.buffer == at("2026-11-21T10:00:00Z"));
    CHECK(decision.skipped);
    CHECK(decision.next == at("2026-11-21T13:00:00Z"));
  }
  SECTION("allow_all fires each, one a call") {
    auto schedule = hourly(Overlap::allow_all);
    for (const auto* due :
         {"2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z"}) {
      const auto decision = decide(schedule, open, now).value();
      CHECK(decision.fire == at(due));
      schedule.due = decision.next.value();
    }
    CHECK(schedule.due == at("2026-11-21T13:00:00Z"));
  }
  SECTION("what is older than the catch-up window is left out") {
    auto schedule = hourly(Overlap::allow_all);
    schedule.catch_up_window = 2h;
    const auto decision = decide(schedule, none, now).value();
    CHECK(decision.missed);
    CHECK(decision.fire == at("2026-11-21T11:00:00Z"));
    schedule.catch_up_window = 5min;
    const auto late = decide(schedule, none, now).value();
    CHECK(late.missed);
    CHECK_FALSE(late.fire);
    CHECK(late.next == at("2026-11-21T13:00:00Z"));
  }
  SECTION("a due time exactly as old as the window is not too old") {
    auto schedule = hourly(Overlap::allow_all);
    schedule.catch_up_window = 70min;
    CHECK(decide(schedule, none, now).value().fire == at("2026-11-21T11:00:00Z"));
  }
}

TEST_CASE("a schedule ends with its time or its last tick") {
  auto schedule = hourly(GENERATE(Overlap::skip, Overlap::buffer_one, Overlap::allow_all));
  SECTION("end time") {
    schedule.ends_at = at("2026-11-21T09:30:00Z");
    const auto decision = decide(schedule, none, at("2026-11-21T12:00:00Z")).value();
    CHECK(decision.fire == schedule.due);
    CHECK_FALSE(decision.buffer);
    CHECK_FALSE(decision.next);
  }
  SECTION("remaining") {
    schedule.remaining = 1;
    const auto decision = decide(schedule, none, at("2026-11-21T12:00:00Z")).value();
    CHECK(decision.fire == schedule.due);
    CHECK_FALSE(decision.buffer);
    CHECK_FALSE(decision.next);
    schedule.remaining = 0;
    CHECK_FALSE(decide(schedule, none, at("2026-11-21T12:00:00Z")).value().fire);
  }
}

TEST_CASE("what an operator asks for while a tick is open") {
  CHECK(answer_request(Overlap::allow_all, true) == Answer::fire);
  CHECK(answer_request(Overlap::skip, true) == Answer::drop);
  CHECK(answer_request(Overlap::buffer_all, true) == Answer::wait);
  for (const auto overlap : {Overlap::allow_all, Overlap::skip, Overlap::buffer_all})
    CHECK(answer_request(overlap, false) == Answer::fire);
}

namespace {

/// A world for one schedule: a clock that may jump, ticks that take a while, a scheduler that is away at
/// times.
struct Simulation {
  explicit Simulation(unsigned seed) : random(seed) {
    const std::vector<Overlap> policies{Overlap::skip, Overlap::buffer_one, Overlap::allow_all};
    schedule = hourly(policies[pick(0, 2)]);
    if (pick(0, 1) == 0) {
      schedule.interval.reset();
      const std::vector<const char*> expressions{"* * * * *", "*/7 * * * *", "30 2 * * *", "0 0,1,2,3 * * *"};
      schedule.cron = expressions[pick(0, 3)];
      schedule.time_zone = pick(0, 1) == 0 ? "Europe/Berlin" : "America/New_York";
      schedule.due = next_due(schedule, at("2026-10-24T00:00:00Z")).value();
    } else {
      schedule.interval = std::chrono::seconds{pick(1, 5'000)};
    }
    schedule.jitter = std::chrono::seconds{pick(0, 1) * pick(0, 300)};
    schedule.catch_up_window = std::chrono::seconds{pick(10, 100'000)};
    fires = fires_at(schedule, schedule.due).value();
    now = schedule.due;
  }

  std::size_t pick(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(random);
  }

  void fired(WallTime due) {
    REQUIRE(ticks.insert(due).second);  // once
    REQUIRE(fires_at(schedule, due).value() <= now);
    open_until = now + std::chrono::seconds{pick(0, 1) * pick(0, 20'000)};
    if (schedule.overlap != Overlap::allow_all) REQUIRE_FALSE(running);
    running = true;
  }

  void look() {
    running = now < open_until;
    if (buffer && !running) {
      fired(*buffer);
      buffer.reset();
    }
    while (fires <= now) {
      const auto decision = decide(schedule, {running, buffer.has_value()}, now).value();
      REQUIRE(decision.next.has_value());
      REQUIRE(*decision.next > schedule.due);
      REQUIRE(decision.next_fires_at >= *decision.next);
      if (decision.fire) {
        REQUIRE(now - *decision.fire <= schedule.catch_up_window);
        fired(*decision.fire);
      }
      if (decision.buffer) {
        REQUIRE_FALSE(buffer);
        buffer = decision.buffer;
      }
      // Nothing between this due time and the next vanishes without a word.
      if (!decision.missed && !decision.skipped && !decision.buffer)
        REQUIRE(*decision.next == next_due(schedule, schedule.due).value());
      schedule.due = *decision.next;
      fires = decision.next_fires_at;
    }
  }

  std::mt19937 random;
  Schedule schedule;
  WallTime fires, now, open_until{};
  std::optional<WallTime> buffer;
  bool running = false;
  std::set<WallTime> ticks;
};

}  // namespace

TEST_CASE("whatever the clock does, each due time fires at most once, never early, by its policy") {
  const auto seed = GENERATE(range(0U, 150U));
  CAPTURE(seed);
  Simulation world(seed);
  for (int i = 0; i < 120; ++i) {
    switch (world.pick(0, 9)) {
      case 0:
        world.now -= std::chrono::seconds{world.pick(0, 10'000)};  // set back
        break;
      case 1:
        world.now += std::chrono::seconds{world.pick(0, 200'000)};  // away, or set forward
        break;
      default:
        world.now = std::max(world.now, world.fires) + std::chrono::milliseconds{world.pick(0, 2'000)};
    }
    world.look();
  }
  CHECK(world.ticks.size() > 10);
}

TEST_CASE("on time nothing is left out, across the changes of clocks") {
  auto schedule = hourly(Overlap::skip);
  schedule.interval.reset();
  schedule.cron = "*/7 1,2,3,4 * * *";
  schedule.time_zone = GENERATE("America/New_York", "Europe/Berlin", "UTC", "Australia/Lord_Howe");
  schedule.due = next_due(schedule, at("2026-03-01T00:00:00Z")).value();
  for (int i = 0; i < 1'500; ++i) {
    const auto decision = decide(schedule, none, schedule.due + 3ms).value();
    REQUIRE(decision.fire == schedule.due);
    REQUIRE_FALSE((decision.skipped || decision.missed));
    schedule.due = decision.next.value();
  }
}
