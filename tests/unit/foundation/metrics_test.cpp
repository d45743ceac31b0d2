#include "common/metrics/metrics.h"

#include "tests/support/catch.h"

#include <thread>
#include <vector>

using rollcall::metrics::Registry;

TEST_CASE("a counter renders with help, type and the worker's label", "[unit][metrics]") {
  Registry registry("member-sync");
  registry.counter("rollcall_runs_total", "Runs taken.", {{"result", "done"}}).add();
  registry.counter("rollcall_runs_total", "Runs taken.", {{"result", "done"}}).add(2);
  registry.counter("rollcall_runs_total", "Runs taken.", {{"result", "failed"}}).add();
  const auto text = registry.render();
  CHECK_THAT(
      text, Catch::Contains("# HELP rollcall_runs_total Runs taken.\n# TYPE rollcall_runs_total counter\n") &&
                Catch::Contains("rollcall_runs_total{worker=\"member-sync\",result=\"done\"} 3\n") &&
                Catch::Contains("rollcall_runs_total{worker=\"member-sync\",result=\"failed\"} 1\n"));
  CHECK(text.find("# TYPE") == text.rfind("# TYPE"));
}

TEST_CASE("a gauge renders the value set last", "[unit][metrics]") {
  Registry registry("w");
  auto& gauge = registry.gauge("rollcall_lag_seconds", "Lag.");
  gauge.set(5);
  gauge.set(2.5);
  CHECK_THAT(registry.render(),
             Catch::Contains("# TYPE rollcall_lag_seconds gauge\nrollcall_lag_seconds{worker=\"w\"} 2.5\n"));
}

TEST_CASE("a histogram renders cumulative buckets, sum and count", "[unit][metrics]") {
  Registry registry("w");
  auto& histogram = registry.histogram("rollcall_request_seconds", "Time.", {0.1, 1});
  for (const double value : {0.05, 0.5, 5.0})
    histogram.observe(value);
  CHECK_THAT(registry.render(), Catch::Contains("rollcall_request_seconds_count{worker=\"w\"} 3\n") &&
                                    Catch::Contains("rollcall_request_seconds_sum{worker=\"w\"} 5.55") &&
                                    Catch::Contains("le=\"0.1\"} 1\n") && Catch::Contains("le=\"1\"} 2\n") &&
                                    Catch::Contains("le=\"+Inf\"} 3\n"));
}

TEST_CASE("quotes and newlines in a label are escaped", "[unit][metrics]") {
  Registry registry("w");
  registry.counter("rollcall_odd_total", "Odd.", {{"name", "a\"b\nc\\"}}).add();
  CHECK_THAT(registry.render(), Catch::Contains(R"(name="a\"b\nc\\")"));
}

TEST_CASE("the same name and labels give the same series from any thread", "[unit][metrics]") {
  Registry registry("w");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&registry] {
        for (int n = 0; n < 1000; ++n)
          registry.counter("rollcall_calls_total", "Calls.").add();
      });
  }
  CHECK(&registry.counter("rollcall_calls_total", "Calls.") ==
        &registry.counter("rollcall_calls_total", "Calls."));
  CHECK_THAT(registry.render(), Catch::Contains("rollcall_calls_total{worker=\"w\"} 4000\n"));
}
