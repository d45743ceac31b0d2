#include "tests/simulation/world.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <iostream>

using namespace rollcall;
using namespace rollcall::simulation;

namespace {

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// What went wrong; empty: nothing.
std::string failure_of(World& world) {
  try {
    world.run();
    return {};
  } catch (const Violation& violation) {
    return violation.what();
  } catch (const std::exception& error) {
    return std::string("an exception got away: ") + error.what();
  }
}

/// The steps that the world of this seed took.
long live_through(std::uint64_t seed) {
  World world(seed, number("ROLLCALL_SIMULATION_TRACE", 0) != 0);
  const auto failure = failure_of(world);
  if (failure.empty()) return world.timeline().steps();
  // The same again, with a trace this time: the seed decides everything.
  World again(seed, true);
  const auto repeated = failure_of(again);
  // Past the test framework, which would wrap the lines.
  std::cerr << "seed " << seed << ", step " << world.timeline().steps() << ": " << failure << "\n"
            << again.timeline().trace() << "replay: ROLLCALL_SIMULATION_FIRST_SEED=" << seed
            << " ROLLCALL_SIMULATION_SEEDS=1 ctest -R simulation --output-on-failure\n";
  CHECK(repeated == failure);
  FAIL("seed " << seed << " fails: " << failure);
  return 0;
}

}  // namespace

// ROLLCALL_SIMULATION_FIRST_SEED and ROLLCALL_SIMULATION_SEEDS say which seeds, and how many.
TEST_CASE("whatever befalls whom, every run ends once and every group equals its roster") {
  const auto first = number("ROLLCALL_SIMULATION_FIRST_SEED", 1);
  const auto seeds = number("ROLLCALL_SIMULATION_SEEDS", 4'000);
  long steps = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed)
    steps += live_through(seed);
  SUCCEED(seeds << " seeds, " << steps << " steps");
}

// 6268: what cannot join a run keeps its place before what came later.
TEST_CASE("worlds beyond those, in which faults were found") {
  for (const std::uint64_t seed : {6268U})
    live_through(seed);
}
