#include "workers/scheduler/adapters/duties.h"

#include "workers/scheduler/adapters/outbox_sweep.h"
#include "workers/scheduler/adapters/requests.h"
#include "workers/scheduler/adapters/requeue.h"
#include "workers/scheduler/adapters/tick_store.h"
#include "workers/scheduler/adapters/ticks.h"

#include <algorithm>
#include <thread>

namespace rollcall::scheduler {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// The longest sleep of the duty that resumes runs: one may begin to wait for less than is slept.
constexpr microseconds resume_interval{200'000};
constexpr microseconds at_once{0};
constexpr long prune_max = 5'000;

// Served by the index ticks_fired; what is unserved and not expired stays.
constexpr const char* prune_ticks = R"(
    DELETE FROM ops.ticks WHERE (schedule_id, due_at) IN (
        SELECT schedule_id, due_at FROM ops.ticks
         WHERE fired_at < now() - $1::bigint * interval '1 hour' AND (served_at IS NOT NULL OR expires_at < now())
         ORDER BY fired_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED))";

constexpr const char* workers_of_schedules = R"(
    WITH RECURSIVE w AS (
        SELECT min(worker) AS worker FROM ops.schedules
        UNION ALL SELECT (SELECT min(worker) FROM ops.schedules WHERE worker > w.worker) FROM w WHERE w.worker IS NOT NULL)
    SELECT worker FROM w WHERE worker IS NOT NULL)";

}  // namespace

struct Duties::State {
  explicit State(const Tools& given)
      : tools(given), ticks(given), requests(given), requeue(given), sweep(given) {
    start("topics", [this](const auto&) { return learn_topics(); });
    start("ticks", [this](const auto&) { return ticks(); });
    start("requests", [this](const auto&) { return requests(); });
    start("resume", [this](const auto&) {
      return requeue.resume() == Requeue::batch_max ? at_once : requeue.until_resume(resume_interval);
    });
    start("requeue", [this](const auto&) { return mind(); });
    start("sweep_outbox", [this](const std::stop_token& stop) { return sweep_once(stop); });
    start("prune", [this](const auto&) { return prune(); });
  }

  ~State() {
    for (auto& thread : threads)
      thread.request_stop();
    threads.clear();  // joined before what they use goes
  }

  void start(const char* name, std::function<microseconds(const std::stop_token&)> work) {
    threads.emplace_back([this, name, work = std::move(work)](const std::stop_token& stop) {
      keep_doing(
          name, [&] { return work(stop); }, bell(name), stop);
    });
  }

  Bell& bell(const std::string& name) {
    return name == "ticks"      ? ticks_bell
           : name == "requests" ? requests_bell
           : name == "topics"   ? topics_bell
                                : silent_bell;
  }

  microseconds mind() {
    const auto full = [](long count) { return count >= Requeue::batch_max; };
    const bool more = full(requeue.rescue()) | full(requeue.resend()) | full(requeue.resend_ticks());
    return more ? at_once : tools.options.mind_every();
  }

  microseconds sweep_once(const std::stop_token& stop) {
    const long rows = sweep(stop);
    swept.add(static_cast<double>(rows));
    return rows >= OutboxSweep::batch_max ? at_once : tools.options.sweep_every();
  }

  /// A topic that Kafka's client does not know yet costs the first tick up to a second. Again and again,
  /// because what it knows grows old, and new schedules bring new topics.
  microseconds learn_topics() {
    std::vector<std::string> topics;
    tools.term.transact([&](postgres::Transaction& transaction) {
      // A loose index scan: one probe a worker, not a million rows.
      for (const auto& row : transaction.query(workers_of_schedules))
        topics.push_back(with_prefix(runs::ticks_topic(row.text(0)), tools.options.topic_prefix));
    });
    tools.producer.prepare(topics, milliseconds{5'000});
    return milliseconds{60'000};
  }

  microseconds prune() {
    const long gone = tools.term.transact([&](postgres::Transaction& transaction) {
      return transaction.execute(
          prune_ticks,
          {postgres::value(static_cast<long>(tools.options.keep_ticks.count())), postgres::value(prune_max)});
    });
    return gone == prune_max ? milliseconds{200} : milliseconds{30'000};
  }

  const Tools& tools;
  metrics::Counter& swept = tools.metrics.counter("rollcall_scheduler_outbox_swept_total",
                                                  "Outbox rows published in their writer's place");
  Ticks ticks;
  Requests requests;
  Requeue requeue;
  OutboxSweep sweep;
  Bell ticks_bell, requests_bell, topics_bell, silent_bell;
  std::vector<std::jthread> threads;
};

Duties::Duties(const Tools& tools) : state_(std::make_unique<State>(tools)) {}
Duties::~Duties() = default;

void Duties::ring() {
  state_->ticks_bell.ring();
  state_->requests_bell.ring();
  state_->topics_bell.ring();
}

}  // namespace rollcall::scheduler
