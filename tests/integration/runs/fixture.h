#pragma once
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/runs/runs.h"
#include "common/worker/run_worker.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace rollcall::test {

using namespace std::chrono_literals;

inline WallTime wall_now() {
  return SystemClock{}.wall();
}

/// Waits until `ready`; what is waited for is said by the CHECK around it.
inline bool eventually(const std::function<bool()>& ready, std::chrono::milliseconds patience = 60s) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!ready()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

/// The code of the Error that `work` throws; empty where it throws none.
inline std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return "";
}

/// Answers with what a test gives it; counts.
class TestHandler final : public worker::Handler {
 public:
  using Answer = std::function<worker::Outcome(const worker::Run&, worker::RunContext&)>;
  explicit TestHandler(Answer answer =
                           [](const auto&, auto&) {
                             return worker::Done{{{"ok", true}}};
                           })
      : answer_(std::move(answer)) {}
  worker::Outcome handle(const worker::Run& run, worker::RunContext& context) override {
    ++handled;
    return answer_(run, context);
  }
  std::vector<Json> expand(const Json& tick, const std::stop_token&) override {
    return on_tick ? on_tick(tick) : std::vector<Json>{};
  }
  std::function<std::vector<Json>(const Json&)> on_tick;
  std::atomic<int> handled = 0;

 private:
  Answer answer_;
};

/// A migrated database and topics of its own, and a worker over them once start()ed.
struct Bench {
  postgres::Database database{{.url = migrated_database()}};
  kafka::Options kafka{kafka_brokers(), "test", {}};
  kafka::Producer producer{kafka};
  schema::Validator schemas;
  SystemClock clock;
  metrics::Registry metrics{"member-sync"};
  worker::Health health;
  int claim_batch_max = 500;
  std::string prefix = unique("t");
  std::jthread thread;

  Bench() {
    std::vector<kafka::TopicSpec> specs{{runs::runs_topic, 4, 1, {}}};
    for (const char* name : {".commands", ".ticks", ".commands.dead", ".ticks.dead"})
      specs.push_back({topic(name), 2, 1, {}});
    try {
      kafka::create_topics(kafka, specs, 3s);
    } catch (const Error&) {
      // The embedded broker has no controller to ask: there, topics are made on first use.
    }
  }

  std::string topic(const std::string& suffix) const { return prefix + ".member-sync" + suffix; }

  void start(worker::Handler& handler) {
    worker::LoopOptions options;
    options.worker = "member-sync";
    options.kafka = kafka;
    options.topic_prefix = prefix;
    options.policy.backoff = {1ms, 5ms};
    options.instance = unique("instance");
    options.claim_batch_max = claim_batch_max;
    thread = std::jthread([this, options, &handler](std::stop_token stop) {
      worker::run_worker(options, database, producer, schemas, handler, clock, metrics, stop, &health);
    });
  }
  void stop() { thread = {}; }

  static Json command(const Uuid& run, const Uuid& organization) {
    return {{"run_id", run.to_string()},
            {"operation", "sync-members"},
            {"organization_id", organization.to_string()}};
  }
  void send(const std::string& suffix, const std::string& key, const std::string& value) {
    kafka::Message message;
    message.topic = topic(suffix);
    message.key = key;
    message.value = value;
    producer.publish(std::move(message), [](const std::string&) {});
  }
  Uuid send_command(const Uuid& organization = crypto::new_uuid()) {
    const auto run = crypto::new_uuid();
    send(".commands", organization.to_string(), dump(command(run, organization)));
    return run;
  }
  long count(const std::string& sql, const std::vector<postgres::Value>& parameters = {}) {
    return database.query("SELECT count(*) FROM " + sql, parameters).front().number(0);
  }
  bool is(const Uuid& run, const std::string& state) {
    return count("ops.runs WHERE id = $1::uuid AND state = $2",
                 {postgres::value(run), postgres::value(state)}) == 1;
  }
  std::vector<kafka::Message> read(const std::string& name,
                                   const std::function<bool(const kafka::Message&)>& wanted,
                                   std::size_t expected, std::chrono::milliseconds patience = 20s) {
    std::vector<kafka::Message> found;
    const auto until = std::chrono::steady_clock::now() + patience;
    kafka::tail(
        kafka, name, true,
        [&] { return found.size() < expected && std::chrono::steady_clock::now() < until; },
        [&](const kafka::Message& message) {
          if (wanted(message)) found.push_back(message);
        });
    return found;
  }
};

}  // namespace rollcall::test
