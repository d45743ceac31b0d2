#include "common/worker/run_worker.h"

#include "common/runs/blocks.h"
#include "common/worker/context.h"
#include "common/worker/feed.h"
#include "common/worker/lanes.h"
#include "common/worker/persist.h"
#include "common/worker/settler.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>

namespace rollcall::worker {
namespace {

constexpr std::chrono::milliseconds heartbeat_every{5'000};
constexpr std::chrono::milliseconds progress_every{250};
constexpr std::size_t tick_block = 1'000;

/// Commands that wait to be claimed: what someone waits for before bulk.
class Inbox {
 public:
  void put(Command command) {
    const std::lock_guard lock(mutex_);
    (command.urgent ? urgent_ : bulk_).push_back(std::move(command));
    changed_.notify_one();
  }

  /// What is there, at most `max`; waits for the first. Empty: stopped.
  std::vector<Command> take(std::size_t max, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    std::vector<Command> block;
    changed_.wait(lock, stop, [&] { return !urgent_.empty() || !bulk_.empty(); });
    if (stop.stop_requested()) return block;
    for (auto* queue : {&urgent_, &bulk_}) {
      while (!queue->empty() && block.size() < max) {
        block.push_back(std::move(queue->front()));
        queue->pop_front();
      }
    }
    return block;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Command> urgent_, bulk_;
};

class Loop {
 public:
  Loop(const LoopOptions& options, postgres::Database& database, kafka::Producer& producer,
       const schema::Validator& schemas, Handler& handler, const Clock& clock, metrics::Registry& metrics,
       std::stop_token stop)
      : options_(options),
        database_(database),
        producer_(producer),
        schemas_(schemas),
        handler_(handler),
        clock_(clock),
        stop_(std::move(stop)),
        outbox_(database, producer),
        graveyard_(producer,
                   metrics.counter("rollcall_dead_letters_total", "Messages put on a dead-letter topic.")),
        settler_({options.worker, database, outbox_, in_flight_, clock, metrics}),
        lanes_(options.lanes, metrics.gauge("rollcall_lanes_busy", "Lanes at work.")),
        messages_(metrics.counter("rollcall_messages_total", "Messages received.")) {}

  void run();

 private:
  std::unique_ptr<Feed> make_feed(bool ticks);
  std::string topic(bool ticks) const {
    return options_.topic_prefix + "." + options_.worker + (ticks ? ".ticks" : ".commands");
  }
  void claim(std::vector<Command> block);
  void claim_or_split(std::vector<Command> block);
  void hand_over(std::vector<Claimed> claimed);
  void handle(const Claimed& claimed);
  std::optional<Settlement> settlement(const Claimed& claimed);
  void serve(Tick tick);
  void queue_commands(const std::vector<Json>& commands);
  void beat(std::stop_token stop);
  void shut_down(Feed& commands, Feed& ticks);

  const LoopOptions& options_;
  postgres::Database& database_;
  kafka::Producer& producer_;
  const schema::Validator& schemas_;
  Handler& handler_;
  const Clock& clock_;
  std::stop_token stop_;
  std::atomic<SteadyTime::rep> deadline_ = SteadyTime::max().time_since_epoch().count();
  InFlight in_flight_;
  Inbox inbox_;
  runs::OutboxPublisher outbox_;
  Graveyard graveyard_;
  Settler settler_;
  Lanes lanes_;
  metrics::Counter& messages_;
};

// Commands and ticks are read by two consumers of two groups: a backlog of ticks then cannot hold back what
// someone waits for, and one consumer's joining does not make the other rejoin.
std::unique_ptr<Feed> Loop::make_feed(bool ticks) {
  kafka::ConsumerOptions consumer;
  consumer.client = options_.kafka;
  consumer.group = options_.topic_prefix + "-" + options_.worker + (ticks ? "-ticks" : "");
  if (options_.stable) consumer.instance_id = options_.instance;
  consumer.topics = {topic(ticks)};
  Feed::Wiring wiring;
  wiring.worker = options_.worker;
  wiring.ticks = ticks;
  wiring.open_max = static_cast<std::size_t>(options_.claim_batch_max) * (ticks ? 1 : 4);
  wiring.on_command = [this](Command command) { inbox_.put(std::move(command)); };
  wiring.on_tick = [this](Tick tick) { serve(std::move(tick)); };
  return std::make_unique<Feed>(std::move(consumer), std::move(wiring), schemas_, graveyard_, messages_);
}

void Loop::run() {
  const auto commands = make_feed(false);
  const auto ticks = make_feed(true);
  std::jthread heart([this](std::stop_token stop) { beat(stop); });
  {
    // These four end by themselves soon after stop_; leaving the block waits for them.
    const std::jthread poll_ticks([&] { ticks->run(stop_); });
    const std::jthread claimer([this] {
      for (auto block = inbox_.take(static_cast<std::size_t>(options_.claim_batch_max), stop_);
           !block.empty(); block = inbox_.take(static_cast<std::size_t>(options_.claim_batch_max), stop_)) {
        claim(std::move(block));
      }
    });
    log::info("worker_started",
              {{"topics", Json::array({topic(false), topic(true)})}, {"lanes", options_.lanes}});
    commands->run(stop_);
    deadline_ = (std::chrono::steady_clock::now() + options_.stop_deadline).time_since_epoch().count();
  }
  shut_down(*commands, *ticks);
}

void Loop::claim(std::vector<Command> block) {
  std::vector<Command> fresh;
  for (auto& command : block) {
    if (in_flight_.add(command.run_id)) {
      fresh.push_back(std::move(command));
    } else {
      command.ticket.finish();  // its twin is being served
    }
  }
  if (!fresh.empty()) claim_or_split(std::move(fresh));
}

void Loop::claim_or_split(std::vector<Command> block) {
  std::vector<Claimed> claimed;
  try {
    const bool done = persist(
        "claim_waits", stop_, [&] {
          claimed = database_.transact([&](postgres::Transaction& transaction) {
            return claim_block(transaction, {options_.worker, options_.instance}, block);
          });
        });
    if (!done) return;
  } catch (const Error& error) {
    // One command that PostgreSQL refuses must not hold up the others: find it by halving, then bury it
    // alone.
    if (block.size() == 1) {
      in_flight_.remove(block.front().run_id);
      const auto group =
          options_.topic_prefix + "-" + options_.worker + (block.front().urgent ? "" : "-ticks");
      return graveyard_.bury(block.front().ticket, {error.code(), error.what()}, group);
    }
    const auto middle = block.begin() + static_cast<std::ptrdiff_t>(block.size() / 2);
    claim_or_split({block.begin(), middle});
    return claim_or_split({middle, block.end()});
  }
  std::set<Uuid> ours;
  for (const auto& one : claimed)
    ours.insert(one.run.id);
  for (const auto& command : block) {
    if (ours.contains(command.run_id)) continue;
    in_flight_.remove(command.run_id);
    command.ticket.finish();  // settled already, or waiting for something else than this message
  }
  hand_over(std::move(claimed));
}

void Loop::hand_over(std::vector<Claimed> block) {
  for (auto& one : block) {
    in_flight_.claimed(one.run.id, one.claim);
    if (one.cancel_requested) {
      settler_.add({std::move(one), cancelled()});
      continue;
    }
    const auto& run = one.run;
    const std::string key = (run.organization_id.is_nil() ? run.id : run.organization_id).to_string();
    const bool urgent = one.urgent;
    const auto shared = std::make_shared<Claimed>(std::move(one));  // std::function wants what can be copied
    lanes_.submit(key, urgent, [this, shared](bool dropped) {
      if (dropped || stop_.stop_requested()) return settler_.add({std::move(*shared), released()});
      handle(*shared);
    });
  }
}

void Loop::handle(const Claimed& claimed) {
  const auto begun = clock_.steady();
  auto settled = settlement(claimed);
  if (!settled) {
    in_flight_.remove(claimed.run.id);
    return claimed.ticket.finish();
  }
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  settler_.add({claimed, std::move(*settled), duration});
}

// Nothing: another worker holds the run, so there is nothing of ours to settle.
std::optional<Settlement> Loop::settlement(const Claimed& claimed) {
  const auto& run = claimed.run;
  const SettleRules rules{options_.attempts_max, options_.backoff};
  Outcome outcome;
  try {
    LoopContext context({options_.worker, database_, producer_, outbox_, in_flight_, clock_}, claimed, stop_);
    outcome = handler_.handle(run, context);
  } catch (const Error& error) {
    if (error.code() == "cancelled") return cancelled();
    if (error.code() == "claim_lost") {
      log::info("claim_lost", {{"run_id", run.id.to_string()}});
      return std::nullopt;
    }
    outcome = outcome_of(error, clock_.wall(), options_.backoff.delay(run.attempt, crypto::random_unit()));
  } catch (const std::exception& error) {
    log::error("handler_failed", {{"run_id", run.id.to_string()}, {"message", error.what()}});
    outcome = RetryAfter{"internal", error.what()};
  }
  return settlement_of(outcome, run.attempt, rules, clock_.wall(), crypto::random_unit());
}

void Loop::serve(Tick tick) {
  const std::string key = "tick:" + tick.value.value("schedule_id", std::string{});
  lanes_.submit(key, false, [this, tick = std::move(tick)](bool dropped) {
    if (dropped || stop_.stop_requested()) return;  // not finished: it comes again
    try {
      const bool done = persist(
          "tick_waits", stop_, [&] { queue_commands(handler_.expand(tick.value)); });
      if (done) tick.ticket.finish();
    } catch (const Error& error) {
      graveyard_.bury(tick.ticket, {error.code(), error.what()},
                      options_.topic_prefix + "-" + options_.worker + "-ticks");
    } catch (const std::exception& error) {
      graveyard_.bury(tick.ticket, {"internal", error.what()},
                      options_.topic_prefix + "-" + options_.worker + "-ticks");
    }
  });
}

void Loop::queue_commands(const std::vector<Json>& commands) {
  const std::string type = "rollcall." + options_.worker + ".command.v1";
  std::vector<runs::NewRun> block;
  const auto flush = [&] {
    auto stored = database_.transact([&](postgres::Transaction& transaction) {
      return runs::enqueue_block(transaction, block, clock_.wall(), true, topic(true));
    });
    outbox_.publish(std::move(stored.ids), std::move(stored.messages));
    block.clear();
  };
  for (const auto& value : commands) {
    if (const auto problem = schemas_.check(type, value))
      throw Error(Fault::invalid, problem->code, problem->message);
    auto command = command_of(value);
    block.push_back({command.run_id, command.tenant_id, options_.worker, command.operation,
                     command.caller_identity, command.organization_id, std::move(command.parameters), true});
    if (block.size() == tick_block) flush();
  }
  if (!block.empty()) flush();
}

void Loop::beat(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  SteadyTime next_beat = std::chrono::steady_clock::now() + heartbeat_every;
  while (!stop.stop_requested()) {
    never.wait_for(lock, stop, progress_every, [] { return false; });
    if (in_flight_.size() == 0) continue;
    try {
      in_flight_.store_progress(database_);
      if (std::chrono::steady_clock::now() < next_beat) continue;
      in_flight_.heartbeat(database_);
    } catch (const Error& error) {
      log::warn("heartbeat_failed", log::describe(error));
    }
    next_beat = std::chrono::steady_clock::now() + heartbeat_every;
  }
}

void Loop::shut_down(Feed& commands, Feed& ticks) {
  const SteadyTime deadline{SteadyTime::duration{deadline_.load()}};
  // The last quarter is for settling and saying so.
  const bool idle = lanes_.stop(deadline - options_.stop_deadline / 4);
  const bool settled = settler_.finish(deadline);
  const auto left = [&] {
    return std::max(std::chrono::milliseconds{100}, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                        deadline - std::chrono::steady_clock::now()));
  };
  outbox_.flush(left());
  producer_.flush(left());
  commands.close();
  ticks.close();
  log::info("worker_stopped", {{"in_flight", in_flight_.size()}});
  if (idle && settled) return;
  // A thread cannot be taken away from a handler that does not come back. Ending here is a kill -9, which
  // every run survives.
  log::error("stop_deadline_exceeded", {{"in_flight", in_flight_.size()}});
  std::_Exit(EXIT_FAILURE);
}

}  // namespace

LoopOptions load_loop_options(config::Settings& settings, const CommonSettings& common) {
  using std::chrono::milliseconds;
  LoopOptions options;
  options.worker = common.worker;
  options.kafka = common.kafka;
  options.instance = common.instance;
  options.stable = common.stable;
  options.lanes =
      static_cast<int>(settings.number("ROLLCALL_LANES", options.lanes, 1, 256, "Runs served at once."));
  options.attempts_max =
      static_cast<int>(settings.number("ROLLCALL_ATTEMPTS_MAX", options.attempts_max, 1, 1'000,
                                       "Failed attempts after which a run is failed."));
  options.stop_deadline =
      settings.duration("ROLLCALL_STOP_DEADLINE", options.stop_deadline, milliseconds{1'000},
                        milliseconds{600'000}, "Time to finish the work in hand when stopping.");
  return options;
}

void run_worker(const LoopOptions& options, postgres::Database& database, kafka::Producer& producer,
                const schema::Validator& schemas, Handler& handler, const Clock& clock,
                metrics::Registry& metrics, std::stop_token stop) {
  Loop(options, database, producer, schemas, handler, clock, metrics, std::move(stop)).run();
}

}  // namespace rollcall::worker
