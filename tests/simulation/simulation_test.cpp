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

}  // namespace

// ROLLCALL_SIMULATION_FIRST_SEED and ROLLCALL_SIMULATION_SEEDS say which seeds, and how many.
TEST_CASE("whatever befalls whom, every run ends once and every group equals its roster") {
  const auto first = number("ROLLCALL_SIMULATION_FIRST_SEED", 1);
  const auto seeds = number("ROLLCALL_SIMULATION_SEEDS", 4'000);
  const bool traced = number("ROLLCALL_SIMULATION_TRACE", 0) != 0;
  long steps = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    World world(seed, traced);
    const auto failure = failure_of(world);
    steps += world.timeline().steps();
    if (failure.empty()) continue;
    // The same again, with a trace this time: the seed decides everything.
    World again(seed, true);
    const auto repeated = failure_of(again);
    // Past the test framework, which would wrap the lines.
    std::cerr << "seed " << seed << ", step " << world.timeline().steps() << ": " << failure << "\n"
              << again.timeline().trace() << "replay: ROLLCALL_SIMULATION_FIRST_SEED=" << seed
              << " ROLLCALL_SIMULATION_SEEDS=1 ctest -R simulation --output-on-failure\n";
    CHECK(repeated == failure);
    FAIL("seed " << seed << " fails, the seed number " << seed - first + 1 << ": " << failure);
  }
  SUCCEED(seeds << " seeds, " << steps << " steps");
}
