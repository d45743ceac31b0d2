#include "common/worker/settler.h"

#include "common/worker/persist.h"

#include <algorithm>

namespace rollcall::worker {
namespace {
constexpr std::size_t block_max = 500;
}

Settler::Settler(Parts parts) : parts_(std::move(parts)), thread_([this] { work(); }) {}

Settler::~Settler() {
  finish(SteadyTime::max());
}

void Settler::add(Finished finished) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(finished));
  if (queue_.size() == 1) changed_.notify_all();  // otherwise its thread is awake already
}

bool Settler::finish(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  closing_ = true;
  changed_.notify_all();
  if (deadline == SteadyTime::max()) {
    changed_.wait(lock, [&] { return ended_; });
    return true;
  }
  if (changed_.wait_until(lock, deadline, [&] { return ended_; })) return true;
  given_up_.request_stop();  // so that the thread can be joined while PostgreSQL is away
  return false;
}

void Settler::work() {
  std::vector<Finished> finished;  // it and the queue take turns, and keep their memory
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) break;
    finished.swap(queue_);
    lock.unlock();
    for (std::span rest(finished); !rest.empty(); rest = rest.subspan(std::min(rest.size(), block_max)))
      settle(rest.first(std::min(rest.size(), block_max)));
    finished.clear();
    lock.lock();
  }
  ended_ = true;
  changed_.notify_all();
}

void Settler::settle(std::span<Finished> block) {
  std::vector<Finished*> pointers;
  pointers.reserve(block.size());
  for (auto& one : block)
    pointers.push_back(&one);
  Settled settled;
  try {
    const bool done = persist("settle_waits", given_up_.get_token(), [&] {
      settled = parts_.database.transact([&](postgres::Transaction& transaction) {
        return settle_block(transaction, parts_.worker, pointers, parts_.clock.wall());
      });
    });
    if (!done) return drop(block);
  } catch (const Error& error) {
    // One row that PostgreSQL refuses must not hold up the others: find it by halving, then fail that run
    // alone.
    if (block.size() > 1) {
      settle(block.first(block.size() / 2));
      return settle(block.subspan(block.size() / 2));
    }
    log::error("settle_refused", log::describe(error));
    if (block.front().settlement.code == "database_refused") return drop(block);
    block.front().settlement = unstorable("see the log of " + parts_.worker + ".");
    return settle(block);
  }
  conclude(block, std::move(settled));
}

void Settler::conclude(std::span<const Finished> block, Settled settled) {
  parts_.outbox.publish(settled.published.ids, settled.published.messages);
  std::map<std::string, long> states;
  auto news = settled.news.begin();
  for (std::size_t i = 0; i < block.size(); ++i) {
    const auto& one = block[i];
    const auto& run = one.claimed->run;
    const auto& ticket = one.claimed->ticket;
    parts_.in_flight.remove(run.id);
    if (!settled.held[i]) {
      // Another's now, or settled by ourselves in a transaction whose commit went unanswered: its end is yet
      // to be told.
      log::info("claim_lost", {{"run_id", run.id.to_string()}, {"state", one.settlement.state}});
      parts_.inbox.ask_again(*one.claimed);
      continue;
    }
    ++states[one.settlement.state];
    // A run given back is still to be done: its message must come again, to whoever reads the partition next.
    if (one.settlement.state != "queued") parts_.deliveries.send(ticket, std::move(*news));
    ++news;
  }
  for (const auto& [state, count] : states) {
    parts_.metrics
        .counter("rollcall_runs_settled_total", "Runs settled, by the state they entered.",
                 {{"state", state}})
        .add(static_cast<double>(count));
  }
}

// Left as they are: their offsets stay uncommitted, and their heartbeat stops.
void Settler::drop(std::span<const Finished> block) {
  for (const auto& one : block) {
    log::warn("settlement_dropped", {{"run_id", one.claimed->run.id.to_string()}});
    parts_.in_flight.leave(one.claimed->run.id);
  }
}

}  // namespace rollcall::worker
