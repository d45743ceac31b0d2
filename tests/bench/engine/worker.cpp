// The run engine as any worker uses it, around a handler that does next to nothing: what is left to measure is the loop.
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/postgres/migrate.h"
#include "common/runs/runs.h"
#include "common/worker/process.h"
#include "common/worker/run_worker.h"

#include <cstdio>
#include <mutex>
#include <thread>
#include <unordered_map>

using namespace rollcall;  // NOLINT: a list of parts reads better without

namespace {

using std::chrono::microseconds;

struct Options {
  worker::CommonSettings common;
  worker::LoopOptions loop;
  std::string handler;
  bool migrate = false;
};

Options load(config::Settings& settings) {
  Options options;
  options.common = worker::load_common_settings(settings, "member-sync", 0);
  options.loop = worker::load_loop_options(settings, options.common);
  options.common.database.connections_max = options.loop.lanes + 4;  // as member-sync has it
  options.loop.policy.joins = false;  // each command counts, however many are for one organization
  options.loop.topic_prefix = settings.text("ROLLCALL_BENCH_PREFIX", "rollcall", "prefix of topics and consumer groups");
  options.handler = settings.text("ROLLCALL_BENCH_HANDLER", "noop", "noop, audit (one audit event a run) or sleep");
  if (options.handler != "noop" && options.handler != "audit" && options.handler != "sleep")
    settings.mistake("ROLLCALL_BENCH_HANDLER", "must be noop, audit or sleep");
  options.migrate = settings.flag("ROLLCALL_BENCH_MIGRATE", false, "apply the migrations, then end");
  settings.finish();
  return options;
}

std::int64_t now_us() {
  return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The number that tests/bench/engine/topic.c put into a run's id.
std::int64_t sequence_of(const Uuid& run) {
  std::int64_t number = 0;
  for (std::size_t i = 10; i < run.bytes.size(); ++i)
    number = number * 256 + run.bytes[i];
  return number;
}

/// 0 to 5 ms, the same for the same run everywhere: splitmix64, as peers/ParallelConsumer.java has it.
microseconds sleep_of(std::int64_t sequence) {
  auto x = static_cast<std::uint64_t>(sequence) + 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return microseconds{(x ^ (x >> 31)) % 5001};
}

class BenchHandler final : public worker::Handler {
 public:
  explicit BenchHandler(std::string kind) : kind_(std::move(kind)) {}

  worker::Outcome handle(const worker::Run& run, worker::RunContext&) override {
    const auto started = now_us();
    if (kind_ == "sleep") sleep(run, started);
    worker::Done done{{{"started_us", started}}};
    if (kind_ == "audit") done.publish.push_back(audit_event(run));
    return done;
  }
  std::vector<Json> expand(const Json&, const std::stop_token&) override { return {}; }

  Json report() const { return {{"first_start_us", first_start_us_}, {"out_of_order", out_of_order_}}; }

 private:
  void sleep(const worker::Run& run, std::int64_t started) {
    const auto sequence = sequence_of(run.id);
    {
      const std::lock_guard lock(mutex_);
      if (first_start_us_ == 0) first_start_us_ = started;
      auto& last = last_of_key_[run.organization_id];
      if (sequence <= last) ++out_of_order_;
      last = sequence;
    }
    std::this_thread::sleep_for(sleep_of(sequence));
  }

  static kafka::Message audit_event(const worker::Run& run) {
    const auto now = SystemClock{}.wall();
    const auto id = crypto::derived_uuid({run.id.to_string(), "noop"}).to_string();
    return runs::make_message(runs::audit_topic, run.organization_id.to_string(), "rollcall.audit-event.v1", id,
                              {{"event_id", id},
                               {"occurred_at", to_rfc3339(now)},
                               {"tenant_id", "bench"},
                               {"organization_id", run.organization_id.to_string()},
                               {"run_id", run.id.to_string()},
                               {"actor", run.caller_identity},
                               {"action", "noop"}},
                              now);
  }

  const std::string kind_;
  std::mutex mutex_;
  std::unordered_map<Uuid, std::int64_t> last_of_key_;
  std::int64_t first_start_us_ = 0;
  long out_of_order_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  const auto describe = [](config::Settings& settings) { load(settings); };
  if (const auto code = config::handle_arguments(argc, argv, "rollcall-bench-worker",
                                                 "The worker loop around a handler that does nothing.", describe))
    return *code;
  config::Settings settings{config::process_environment()};
  const Options options = load(settings);
  log::init("bench", options.common.log_level);

  worker::StopSignal stop;
  SystemClock clock;
  metrics::Registry metrics{"bench"};
  schema::Validator schemas;
  postgres::Database database{options.common.database};
  if (options.migrate) {
    postgres::migrate(database, postgres::project_migrations());
    return 0;
  }
  kafka::Producer producer{options.loop.kafka};
  BenchHandler handler{options.handler};
  worker::OpsServer ops{options.common.ops_port,
                        metrics,
                        {{"postgresql", [&] { return database.reachable(); }},
                         {"kafka", [&] { return producer.reachable(); }}}};
  worker::run_worker(options.loop, database, producer, schemas, handler, clock, metrics, stop.token());
  std::puts(dump(handler.report()).c_str());
  return 0;
} catch (const std::exception& error) {
  return log::fail(error);
}
