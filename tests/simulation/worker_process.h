#pragma once
#include "common/worker/lanes.h"
#include "tests/simulation/sync_job.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace rollcall::simulation {

/// One life of one worker process: run_worker.cpp's loop with its threads as events, around the same pure
/// parts: Offsets, InFlight, KeyedQueue, settlement_of(), Backoff.
class WorkerProcess {
 public:
  WorkerProcess(Services& services, std::string instance, int life);

  /// SIGTERM: gives back what has not begun, lets what has begun come to a stop, settles, leaves.
  void stop();
  /// Every message read has led to something, and nothing is kept of it.
  [[nodiscard]] bool idle() const {
    return commands_.offsets->open() == 0 && ticks_.offsets->open() == 0 && in_flight_.size() == 0 &&
           urgent_.empty() && bulk_.empty() && finished_.empty() && lanes_.size() == 0 && busy_ == 0;
  }
  [[nodiscard]] const HostPtr& host() const { return host_; }
  [[nodiscard]] const std::string& instance() const { return instance_; }

 private:
  using Claimed = std::shared_ptr<worker::Claimed>;
  using Block = std::vector<worker::Command>;
  struct Feed {
    bool bulk;
    std::shared_ptr<Broker::Consumer> consumer;
    std::shared_ptr<worker::Offsets> offsets = std::make_shared<worker::Offsets>();
    bool committing = false;
  };
  // worker_feed.cpp
  void subscribe(Feed& feed);
  void poll(Feed& feed);
  void take(Feed& feed, const Record& record);
  void commit(Feed& feed);
  void commit_soon();
  void finish(const worker::Ticket& ticket);
  void deliver(const worker::Ticket& ticket, Message message);
  void serve_tick(const TickNote& tick, const worker::Ticket& ticket);
  // worker_claims.cpp
  void put(worker::Command command);
  void ask_again(const worker::Claimed& claimed);
  void claim_next();
  void process(Block block);
  void join(Block block, std::function<void(Block others)> done);
  void claim(Block fresh, std::function<void()> done);
  void take_over(const Block& block, const RunsTable::Claims& claims);
  // worker_process.cpp
  void work();
  void begin(const Claimed& claimed, const std::string& key);
  void handled(const Claimed& claimed, const std::string& key, tl::expected<worker::Outcome, Error> answer);
  void release(const Claimed& claimed);
  void lane_free(const std::string& key);
  void settle_later(worker::Finished finished);
  void settle_next();
  void conclude(const std::vector<worker::Finished>& block, const std::set<Uuid>& held);
  void beat();
  void end_when_idle();
  void check_order(const Claimed& claimed);

  /// Until it succeeds, with backoff.
  template <class R>
  void persist(std::function<R(Tables&)> work, std::function<void(R)> done, int attempt = 1) {
    services_.database.transact<R>(host_, work, [=, this](const Database::Answer<R>& answer) {
      if (answer) return done(*answer);
      constexpr Backoff backoff{milliseconds{50}, milliseconds{1'000}};
      services_.timeline.after(backoff.delay(attempt, services_.random.unit()), host_,
                               [=, this] { persist<R>(work, done, attempt + 1); });
    });
  }

  Services& services_;
  const std::string instance_;
  HostPtr host_;
  GraphLink link_;
  worker::InFlight in_flight_;
  Feed commands_{false, {}}, ticks_{true, {}};
  std::deque<worker::Command> urgent_, bulk_;
  bool claiming_ = false, settling_ = false, stopping_ = false;
  std::multiset<Uuid> pinned_;
  worker::KeyedQueue<Claimed> lanes_;
  int busy_ = 0, releasing_ = 0;
  std::set<Uuid> at_work_;  // organizations
  std::deque<worker::Finished> finished_;
  // What was read of each partition in its order and begun: for the invariants alone.
  std::map<std::pair<kafka::TopicPartition, Uuid>, std::int64_t> begun_;
  std::set<Uuid> out_of_turn_;  // put off, or equal to another of its block
};

}  // namespace rollcall::simulation
