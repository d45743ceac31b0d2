#include "common/worker/run_worker.h"

namespace rollcall::worker {

LoopOptions load_loop_options(config::Settings& settings, const CommonSettings& common) {
  using std::chrono::milliseconds;
  LoopOptions options;
  options.worker = common.worker;
  options.kafka = common.kafka;
  options.instance = common.instance;
  options.stable = common.stable;
  options.lanes =
      static_cast<int>(settings.number("ROLLCALL_LANES", options.lanes, 1, 256, "Runs served at once."));
  options.policy.attempts_max =
      static_cast<int>(settings.number("ROLLCALL_ATTEMPTS_MAX", options.policy.attempts_max, 1, 1'000,
                                       "Failed attempts after which a run is failed."));
  options.policy.age_max =
      settings.duration("ROLLCALL_RUN_AGE_MAX", options.policy.age_max, milliseconds{60'000},
                        std::chrono::hours{24 * 365}, "A run that is not finished after this is failed.");
  options.stop_deadline =
      settings.duration("ROLLCALL_STOP_DEADLINE", options.stop_deadline, milliseconds{1'000},
                        milliseconds{600'000}, "Time to finish the work in hand when stopping.");
  return options;
}

}  // namespace rollcall::worker
