#include "tests/integration/runs/fixture.h"

#include <algorithm>

using namespace rollcall;
using namespace rollcall::test;

namespace {

/// Whether the loop says `words` under a name that begins so.
bool says(const Bench& bench, const std::string& name, const std::string& words) {
  return std::ranges::any_of(bench.health.conditions(), [&](const worker::Condition& one) {
    return one.name.starts_with(name) && one.state == worker::Condition::State::note &&
           one.message.find(words) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("the loop tells of a full queue, of a tick that waits, and when it is over") {
  Bench bench;
  bench.claim_batch_max = 1;
  std::atomic<bool> go_on = false;
  TestHandler handler([&](const auto&, auto&) {
    eventually([&] { return go_on.load(); });
    return worker::Done{};
  });
  handler.on_tick = [&](const Json&) -> std::vector<Json> {
    if (!go_on) throw Error(Fault::transient, "graph_unavailable", "nobody answers");
    return {};
  };
  const auto schedule = crypto::new_uuid().to_string();
  bench.send(".ticks", schedule,
             dump({{"tick_id", crypto::new_uuid().to_string()},
                   {"schedule_id", schedule},
                   {"schedule_name", "nightly"},
                   {"worker", "member-sync"},
                   {"operation", "sync-members"},
                   {"due_at", "2026-11-21T09:30:00Z"},
                   {"parameters", Json::object()}}));
  for (int i = 0; i < 20; ++i)
    bench.send_command();
  bench.start(handler);
  CHECK(eventually([&] { return says(bench, "queue " + bench.topic(".commands"), "full: 4 messages"); }));
  CHECK(eventually([&] { return says(bench, "tick nightly", "nobody answers"); }));
  go_on = true;
  CHECK(eventually([&] { return bench.health.conditions().empty(); }));
  bench.stop();
}
