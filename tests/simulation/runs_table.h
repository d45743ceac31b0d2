#pragma once
#include "common/worker/in_flight.h"
#include "tests/simulation/broker.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The rules of ops.runs as common/runs, common/worker/claims and the scheduler's requeue.cpp write them in
/// SQL, over rows in memory. Whoever changes the one changes the other.
namespace rollcall::simulation {

struct RunRow {
  Uuid id, organization, claim, tick;
  int parameters = 0;
  std::string state = "queued", claimed_by, outcome;
  int attempt = 0, resends = 0;
  bool cancel_requested = false, bulk = false;
  Uuid joined_to;
  WallTime created_at, queued_at;
  std::optional<WallTime> started_at, resume_at, heartbeat_at, retried_at, finished_at;
  // For the invariants alone:
  int epoch = 0;             ///< how often it has been queued
  int concluded_epoch = -1;  ///< the latest of these that has led to something
  int ends = 0;              ///< final states entered since it was last asked for
  bool asked_to_cancel = false;
  bool had_joined = false;
  HostPtr holder;  ///< who claimed it last
  [[nodiscard]] bool ended() const {
    return state == "succeeded" || state == "failed" || state == "cancelled";
  }
  [[nodiscard]] bool open() const { return state == "queued" || state == "running" || state == "waiting"; }
};

class RunsTable {
 public:
  /// Messages that a transaction leaves in the outbox.
  using Messages = std::vector<Message>;

  struct Asked {
    Uuid run, organization, tick{};
    int parameters = 0;
    bool bulk = false;
  };
  /// runs::enqueue(): what exists stays; equal to one that is queued and has never begun: joins it.
  Uuid enqueue(const Asked& asked, WallTime now, Messages& publish);
  /// runs::enqueue_block(skip_open).
  void enqueue_unless_open(const Asked& asked, WallTime now, Messages& publish);

  struct Claims {
    std::vector<std::shared_ptr<worker::Claimed>> claimed;
    std::vector<std::size_t> known, held;
  };
  struct Claimant {
    std::string instance;
    HostPtr host;
  };
  Claims claim(const Claimant& claimant, const std::vector<worker::Command>& commands, WallTime now,
               Random& random);
  std::vector<const worker::Command*> join(const std::vector<worker::Follower>& followers, WallTime now);
  std::set<Uuid> settle(const std::vector<worker::Finished*>& finished, WallTime now, Messages& publish);
  /// LoopContext's hold(): throws claim_lost or cancelled.
  void hold(const Uuid& run, const Uuid& claim, WallTime now);
  /// `locked`: of a row that somebody has locked nothing is renewed.
  std::map<Uuid, worker::InFlight::Heard> heartbeat(const std::vector<worker::InFlight::Held>& held,
                                                    WallTime now, const std::function<bool()>& locked);

  void cancel(const Uuid& run, WallTime now, Messages& publish);
  void retry(const Uuid& run, WallTime now, Messages& publish);

  void resume(WallTime now, Messages& publish);
  void rescue(WallTime now, milliseconds age, Messages& publish);
  void resend(WallTime now, milliseconds age, Messages& publish);

  std::map<Uuid, RunRow> rows;
  /// A running run is taken from its holder, whose heartbeat is too old.
  std::function<void(const RunRow&)> on_taken;

 private:
  void insert(const Asked& asked, WallTime now, Messages& publish);
  void queue(RunRow& row, WallTime now, Messages& publish);
  void end(RunRow& row, const std::string& state, const std::string& outcome, WallTime now);
  void conclude_followers(const Uuid& leader, WallTime now, Messages& publish);
};

Message command_message(const RunRow& row);
Message news_message(const Uuid& run, const std::string& state);

}  // namespace rollcall::simulation
