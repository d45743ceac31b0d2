#include "common/worker/run_worker.h"

#include "common/runs/blocks.h"
#include "common/worker/context.h"
#include "common/worker/feed.h"
#include "common/worker/heart.h"
#include "common/worker/lanes.h"
#include "common/worker/persist.h"
#include "common/worker/settler.h"
#include "common/worker/tick_server.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>

namespace rollcall::worker {
namespace {

class Loop {
 public:
  Loop(const LoopOptions& options, postgres::Database& database, kafka::Producer& producer,
       const schema::Validator& schemas, Handler& handler, const Clock& clock, metrics::Registry& metrics,
       const std::stop_token& stop, Health* health)
      : options_(options),
        database_(database),
        producer_(producer),
        schemas_(schemas),
        handler_(handler),
        clock_(clock),
        pass_on_(stop, [this] { ending_.request_stop(); }),
        health_(health == nullptr ? unheard_ : *health),
        in_flight_(clock),
        outbox_(database, producer),
        deliveries_(producer),
        graveyard_(deliveries_,
                   metrics.counter("rollcall_dead_letters_total", "Messages put on a dead-letter topic."),
                   clock),
        tick_server_({options.worker, topic(true), group(true), database, schemas, handler, clock, outbox_,
                      graveyard_, health_}),
        settler_({options.worker, database, outbox_, deliveries_, in_flight_, inbox_, clock, metrics}),
        busy_(metrics.gauge("rollcall_lanes_busy", "Lanes at work.")),
        lanes_(options.lanes, busy_),
        messages_(metrics.counter("rollcall_messages_total", "Messages received.")) {}

  void run();

 private:
  std::unique_ptr<Feed> make_feed(bool ticks);
  std::optional<Problem> take(const Ticket& ticket, bool ticks);
  std::string topic(bool ticks) const {
    return options_.topic_prefix + "." + options_.worker + (ticks ? ".ticks" : ".commands");
  }
  std::string group(bool ticks) const {
    return options_.topic_prefix + "-" + options_.worker + (ticks ? "-ticks" : "");
  }
  const RetryPolicy& policy(const std::string& operation) const {
    const auto found = options_.policies.find(operation);
    return found == options_.policies.end() ? options_.policy : found->second;
  }
  void claim_until_stopped();
  void claim(std::vector<Command> block);
  void claim_or_split(const std::vector<Command>& block);
  std::vector<Command> join(std::vector<Command> block);
  void take_over(const std::vector<Command>& block, ClaimAnswer answer);
  std::optional<Lanes::Piece> piece_of(std::shared_ptr<Claimed> claimed);
  void handle(const std::shared_ptr<const Claimed>& claimed);
  std::optional<Settlement> settlement(const Claimed& claimed);
  Outcome outcome(const Claimed& claimed, LoopContext& context);
  void serve(Tick tick);
  void read(Feed& feed);
  void shut_down(Feed& commands, Feed& ticks);

  const LoopOptions& options_;
  postgres::Database& database_;
  kafka::Producer& producer_;
  const schema::Validator& schemas_;
  Handler& handler_;
  const Clock& clock_;
  std::stop_source ending_;  // the process is asked to stop, or a consumer is beyond repair
  const std::stop_token stop_ = ending_.get_token();
  const std::stop_callback<std::function<void()>> pass_on_;
  Health unheard_;
  Health& health_;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  InFlight in_flight_;
  Inbox inbox_;
  runs::OutboxPublisher outbox_;
  Deliveries deliveries_;
  Graveyard graveyard_;
  TickServer tick_server_;
  Settler settler_;
  metrics::Gauge& busy_;
  Lanes lanes_;
  metrics::Counter& messages_;
};

// Commands and ticks are read by two consumers of two groups: a backlog of ticks then cannot hold back what
// someone waits for, and one consumer's joining does not make the other rejoin.
std::unique_ptr<Feed> Loop::make_feed(bool ticks) {
  kafka::ConsumerOptions consumer;
  consumer.client = options_.kafka;
  consumer.group = group(ticks);
  if (options_.stable) consumer.instance_id = options_.instance;
  consumer.topics = {topic(ticks)};
  Feed::Wiring wiring;
  wiring.open_max = static_cast<std::size_t>(options_.claim_batch_max) * (ticks ? 1 : 4);
  wiring.take = [this, ticks](const Ticket& ticket) { return take(ticket, ticks); };
  wiring.health = &health_;
  return std::make_unique<Feed>(std::move(consumer), std::move(wiring), deliveries_, graveyard_, messages_);
}

std::optional<Problem> Loop::take(const Ticket& ticket, bool ticks) {
  auto judged = judge(*ticket.message, options_.worker, ticks, schemas_);
  if (auto* command = std::get_if<Command>(&judged)) {
    command->ticket = ticket;
    inbox_.put(std::move(*command));
  } else if (auto* tick = std::get_if<Tick>(&judged)) {
    tick->ticket = ticket;
    serve(std::move(*tick));
  } else {
    return std::get<Problem>(judged);
  }
  return std::nullopt;
}

void Loop::run() {
  // Takes librdkafka up to a second, which the first result need not wait for.
  const std::jthread prepare([this] {
    producer_.prepare({runs::runs_topic, runs::audit_topic}, std::chrono::milliseconds{5'000});
  });
  const auto commands = make_feed(false);
  const auto ticks = make_feed(true);
  Heart heart({{options_.worker, options_.instance},
               options_.lanes,
               database_,
               producer_,
               in_flight_,
               inbox_,
               clock_,
               [this] { return lanes_.busy(); },
               health_});
  std::jthread beats([&](const std::stop_token& stop) { heart.run(stop); });
  const std::stop_callback stop_handlers(stop_, [this] { in_flight_.stop_all(); });
  {
    // These end by themselves soon after stop_; leaving the block waits for them.
    const std::jthread poll_ticks([&] { read(*ticks); });
    const std::jthread claimer([this] { claim_until_stopped(); });
    log::info("worker_started", {{"topics", Json::array({topic(false), topic(true)})},
                                 {"lanes", options_.lanes},
                                 {"instance", options_.instance}});
    read(*commands);
  }
  shut_down(*commands, *ticks);
  if (failure_) std::rethrow_exception(failure_);
}

/// Without one of its consumers the process would seem to live, and serve nothing: the whole loop ends.
void Loop::read(Feed& feed) {
  try {
    feed.run(stop_);
  } catch (const std::exception& error) {
    log::error("consumer_failed", log::describe(error));
    health_.problem("consumer " + feed.group(), error.what());
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::current_exception();
    ending_.request_stop();
  }
}

void Loop::claim_until_stopped() {
  const auto max = static_cast<std::size_t>(options_.claim_batch_max);
  for (auto block = inbox_.take(max, stop_); !block.empty(); block = inbox_.take(max, stop_))
    claim(std::move(block));
}

void Loop::claim(std::vector<Command> block) {
  // Of equal commands in one block the first is claimed, so that the others find something to join.
  while (!block.empty() && !stop_.stop_requested()) {
    std::vector<Command> fresh, equals;
    fresh.reserve(block.size());
    std::set<std::tuple<Uuid, std::string, std::string>> seen;
    for (auto& command : join(std::move(block))) {
      if (command.organization_id && policy(command.operation).joins &&
          !seen.emplace(*command.organization_id, command.operation, command.parameters_hash).second) {
        equals.push_back(std::move(command));
      } else if (in_flight_.add(command.run_id)) {
        fresh.push_back(std::move(command));
      } else {  // its twin is being served: how did that end?
        inbox_.put_off(std::move(command), std::chrono::steady_clock::now() + look_again);
      }
    }
    if (!fresh.empty()) claim_or_split(fresh);
    block = std::move(equals);
  }
}

/// Lets commands join an equal run that has not begun; returns the others, in their order: of an
/// organization, what came first begins first, whether or not it tried to join.
std::vector<Command> Loop::join(std::vector<Command> block) {
  std::vector<Follower> followers;
  for (const auto& command : block) {
    const auto leader = policy(command.operation).joins ? in_flight_.pin_leader(command) : std::nullopt;
    if (!leader) continue;
    if (leader->run == command.run_id) {
      in_flight_.unpin(leader->run, false);
    } else {
      followers.push_back({&command, leader->run, leader->claim});
    }
  }
  if (followers.empty()) return block;
  std::vector<const Command*> left;
  bool done = false;
  try {
    done = persist("join_waits", stop_, [&] {
      left = database_.transact([&](postgres::Transaction& transaction) {
        return join_block(transaction, options_.worker, followers);
      });
    });
  } catch (const Error& error) {  // what PostgreSQL refuses is found out when it is claimed by itself
    log::warn("join_refused", log::describe(error));
    left.clear();
    std::ranges::transform(followers, std::back_inserter(left), &Follower::command);
    done = true;
  }
  const std::set<const Command*> not_joined(left.begin(), left.end());
  std::set<const Command*> joined;
  for (const auto& follower : followers) {
    const bool joins = done && !not_joined.contains(follower.command);
    in_flight_.unpin(follower.leader, joins || !done);  // unanswered, it may have joined
    if (!joins) continue;
    follower.command->ticket.finish();
    joined.insert(follower.command);
  }
  if (!done) return {};
  std::vector<Command> others;
  for (auto& command : block)
    if (!joined.contains(&command)) others.push_back(std::move(command));
  return others;
}

void Loop::claim_or_split(const std::vector<Command>& block) {
  ClaimAnswer answer;
  try {
    const bool done = persist("claim_waits", stop_, [&] {
      answer = database_.transact([&](postgres::Transaction& transaction) {
        return claim_block(transaction, {options_.worker, options_.instance}, block, clock_.wall());
      });
    });
    if (!done) return;
  } catch (const Error& error) {
    // One command that PostgreSQL refuses must not hold up the others: find it by halving, then bury it
    // alone.
    if (block.size() == 1) {
      in_flight_.remove(block.front().run_id);
      return graveyard_.bury(block.front().ticket, {error.code(), error.what()},
                             group(!block.front().urgent));
    }
    const auto middle = block.begin() + static_cast<std::ptrdiff_t>(block.size() / 2);
    claim_or_split({block.begin(), middle});
    return claim_or_split({middle, block.end()});
  }
  take_over(block, std::move(answer));
}

void Loop::take_over(const std::vector<Command>& block, ClaimAnswer answer) {
  for (auto& known : answer.known) {
    in_flight_.remove(block[known.command].run_id);
    deliveries_.send(block[known.command].ticket, std::move(known.news));
  }
  for (const std::size_t index : answer.held) {
    in_flight_.remove(block[index].run_id);
    inbox_.put_off(block[index], std::chrono::steady_clock::now() + look_again);
  }
  std::vector<Lanes::Piece> pieces;
  pieces.reserve(answer.claimed.size());
  for (auto& claimed : answer.claimed) {
    in_flight_.claimed(claimed);
    if (auto piece = piece_of(std::move(claimed))) pieces.push_back(std::move(*piece));
  }
  if (!pieces.empty()) lanes_.submit(std::move(pieces));
}

/// What a lane is to do; nothing where there is only an end to be recorded.
std::optional<Lanes::Piece> Loop::piece_of(std::shared_ptr<Claimed> claimed) {
  const auto& retry = policy(claimed->run.operation);
  std::optional<Settlement> end;
  if (claimed->cancel_requested) end = cancelled();
  if (!end && clock_.wall() > claimed->asked_at + retry.age_max) end = expired(retry);
  if (end) {
    in_flight_.begin(claimed->run.id);  // nothing joins it any more: who did until now is to hear of its end
    settler_.add({claimed, std::move(*end), {}, in_flight_.followed(claimed->run.id)});
    return std::nullopt;
  }
  std::string key = claimed->key();
  const bool urgent = claimed->urgent;
  return Lanes::Piece{std::move(key), urgent, [this, claimed = std::move(claimed)](bool dropped) {
                        if (!dropped && !stop_.stop_requested()) return handle(claimed);
                        // It may have been cancelled meanwhile, and ends then: nothing joins it any more.
                        in_flight_.begin(claimed->run.id);
                        settler_.add({claimed, released(), {}, in_flight_.followed(claimed->run.id)});
                      }};
}

void Loop::handle(const std::shared_ptr<const Claimed>& claimed) {
  const auto& id = claimed->run.id;
  const auto begun = clock_.steady();
  auto settled = in_flight_.begin(id)       ? settlement(*claimed)
                 : in_flight_.cancelled(id) ? std::optional{cancelled()}
                                            : std::nullopt;
  if (!settled) {
    in_flight_.remove(id);
    log::info("claim_lost", {{"run_id", id.to_string()}});
    return inbox_.ask_again(*claimed);
  }
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  settler_.add({claimed, std::move(*settled), duration, in_flight_.followed(id)});
}

// Nothing: another worker holds the run, so there is nothing of ours to settle.
std::optional<Settlement> Loop::settlement(const Claimed& claimed) {
  const auto& run = claimed.run;
  const auto stop = in_flight_.stop_of(run.id);
  LoopContext context({options_.worker, database_, producer_, outbox_, in_flight_, clock_}, claimed, stop);
  std::optional<Settlement> settlement;
  try {
    Outcome answer = outcome(claimed, context);
    if (in_flight_.cancelled(run.id) && !std::holds_alternative<Done>(answer)) return cancelled();
    settlement = settlement_of(std::move(answer), run.attempt, claimed.asked_at, policy(run.operation),
                               clock_.wall(), crypto::random_unit());
  } catch (const Error& error) {
    if (error.code() == "cancelled") return cancelled();
    return std::nullopt;
  }
  settlement->carried = context.carried();
  return settlement;
}

/// Throws only what says that the run is not ours to settle: "claim_lost" and "cancelled".
Outcome Loop::outcome(const Claimed& claimed, LoopContext& context) {
  const auto& run = claimed.run;
  try {
    return handler_.handle(run, context);
  } catch (const Error& error) {
    if (error.code() == "cancelled" || error.code() == "claim_lost") throw;
    return outcome_of(error, clock_.wall(),
                      policy(run.operation).backoff.delay(run.attempt, crypto::random_unit()));
  } catch (const std::exception& error) {
    log::error("handler_failed", {{"run_id", run.id.to_string()}, {"message", error.what()}});
    return RetryAfter{"internal", error.what()};
  }
}

void Loop::serve(Tick tick) {
  std::string key = "tick:" + tick.value.value("schedule_id", std::string{});
  std::vector<Lanes::Piece> piece;
  piece.push_back({std::move(key), false, [this, tick = std::move(tick)](bool dropped) {
                     if (!dropped && !stop_.stop_requested())
                       tick_server_.serve(tick, stop_);  // else it comes again
                   }});
  lanes_.submit(std::move(piece));
}

void Loop::shut_down(Feed& commands, Feed& ticks) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + options_.stop_deadline;
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

void run_worker(const LoopOptions& options, postgres::Database& database, kafka::Producer& producer,
                const schema::Validator& schemas, Handler& handler, const Clock& clock,
                metrics::Registry& metrics, const std::stop_token& stop, Health* health) {
  Loop(options, database, producer, schemas, handler, clock, metrics, stop, health).run();
}

}  // namespace rollcall::worker
