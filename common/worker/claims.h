#pragma once
#include "common/runs/runs.h"
#include "common/worker/commit_tracker.h"
#include "common/worker/settlement.h"

#include <atomic>
#include <memory>
#include <vector>

namespace rollcall::worker {

/// A command as it came from the topic.
struct Command {
  Uuid run_id;
  std::optional<Uuid> organization_id;
  std::string tenant_id, operation, caller_identity, traceparent;
  Json parameters = Json::object();
  std::string parameters_hash;
  bool urgent = true;
  Ticket ticket;
};

/// A run this process holds: the claim is what lets it write.
struct Claimed {
  Run run;
  Uuid claim;
  std::string traceparent, parameters_hash;
  WallTime asked_at;  ///< made, or tried again by hand: its age counts from here
  bool cancel_requested = false;
  bool followed = false;  ///< when it was claimed, others waited for its end already
  bool urgent = true;
  Ticket ticket;
  /// The row of ops.claim_blocks by which this run and others are found; none where its own row is enough.
  std::shared_ptr<const long> block;

  /// Order is kept per organization; a run without one is a key of its own.
  [[nodiscard]] std::string key() const {
    return (run.organization_id.is_nil() ? run.id : run.organization_id).to_string();
  }
};

struct Claimant {
  std::string worker;    ///< "member-sync"
  std::string instance;  ///< who: ops.runs.claimed_by
};

/// What became of a block of commands; each is in exactly one list, named by its index.
struct ClaimAnswer {
  struct Known {
    std::size_t command;
    kafka::Message news;  ///< the state the run is in, to be told again: its first telling may have been lost
  };
  std::vector<std::shared_ptr<Claimed>> claimed;  ///< in the order of the commands
  std::vector<Known> known;       ///< settled, or waiting for something else than this message
  std::vector<std::size_t> held;  ///< a living worker holds the run: look again later
};

/// Claims what is queued, or was left running by a worker that no longer lives, in one statement; makes the
/// rows that do not exist yet. Run ids must differ.
ClaimAnswer claim_block(postgres::Transaction& transaction, const Claimant& claimant,
                        const std::vector<Command>& commands, WallTime now);

/// A command that joins `leader`, a run with the same worker, organization, operation and parameters that has
/// not begun.
struct Follower {
  const Command* command;
  Uuid leader, leader_claim;
};
/// Stores followers: waiting, to be settled with their leader; what has joined it already stays so. In the
/// answer: those that could not join, since their run exists and is no longer queued, or since the leader is
/// no longer held under that claim. A command that came twice joins, or does not, with its twin.
std::vector<const Command*> join_block(postgres::Transaction& transaction, const std::string& worker,
                                       const std::vector<Follower>& followers);

struct Finished {
  std::shared_ptr<const Claimed> claimed;
  Settlement settlement;
  std::chrono::milliseconds duration{0};
  bool followed = false;  ///< other runs take over the end of this one
};

struct Settled {
  std::vector<bool> held;  ///< in the order given: whether the claim still stood; else it is another's now
  /// Of each held run, in order. Not in the outbox: a run's message stays uncommitted until its news is
  /// delivered, so a crash in between leads back to claim_block(), which tells it again.
  std::vector<kafka::Message> news;
  runs::Stored published;  ///< what else the ends of runs publish; stored in the outbox
};
/// State and event of many runs, in the caller's transaction. What was cancelled while it settled to wait, or
/// to be done again, has its settlement changed to that: nobody would look at it before its next claim.
Settled settle_block(postgres::Transaction& transaction, const std::string& worker,
                     const std::vector<Finished*>& finished, WallTime now);

}  // namespace rollcall::worker
