#include "common/worker/inbox.h"
#include "tests/simulation/worker_process.h"

#include <algorithm>
#include <set>

namespace rollcall::simulation {

void WorkerProcess::put(worker::Command command) {
  (command.urgent ? urgent_ : bulk_).push_back(std::move(command));
  claim_next();
}

void WorkerProcess::ask_again(const worker::Claimed& claimed) {
  const auto& run = claimed.run;
  worker::Command command;
  command.run_id = run.id;
  command.organization_id = run.organization_id;
  command.operation = run.operation;
  command.parameters = run.parameters;
  command.parameters_hash = claimed.parameters_hash;
  command.urgent = claimed.urgent;
  command.ticket = claimed.ticket;
  out_of_turn_.insert(run.id);
  services_.timeline.after(worker::look_again, host_, [this, command] { put(command); });
}

void WorkerProcess::claim_next() {
  if (claiming_ || stopping_ || (urgent_.empty() && bulk_.empty())) return;
  claiming_ = true;
  Block block;
  for (auto* queue : {&urgent_, &bulk_}) {
    while (!queue->empty() && block.size() < services_.settings.claim_max) {
      block.push_back(std::move(queue->front()));
      queue->pop_front();
    }
  }
  process(std::move(block));
}

/// Loop::claim(): of equal commands in one block the first is claimed, so that the others find something to
/// join.
void WorkerProcess::process(Block block) {
  if (block.empty() || stopping_) {
    claiming_ = false;
    return claim_next();
  }
  join(std::move(block), [this](Block others) {
    Block fresh, equals;
    std::set<std::pair<Uuid, std::string>> seen;
    for (auto& command : others) {
      if (services_.settings.policy.joins &&
          !seen.emplace(*command.organization_id, command.parameters_hash).second) {
        out_of_turn_.insert(command.run_id);
        equals.push_back(std::move(command));
      } else if (in_flight_.add(command.run_id)) {
        fresh.push_back(std::move(command));
      } else {
        out_of_turn_.insert(command.run_id);
        services_.timeline.after(worker::look_again, host_, [this, command] { put(command); });
      }
    }
    claim(std::move(fresh), [this, equals = std::move(equals)] { process(equals); });
  });
}

void WorkerProcess::join(Block block, std::function<void(Block)> done) {
  struct Joining {
    Block block;
    std::vector<worker::Follower> followers;
  };
  const auto joining = std::make_shared<Joining>(Joining{std::move(block), {}});
  for (const auto& command : joining->block) {
    const auto leader = services_.settings.policy.joins ? in_flight_.pin_leader(command) : std::nullopt;
    if (!leader) continue;
    if (leader->run == command.run_id) {
      in_flight_.unpin(leader->run, false);
      continue;
    }
    pinned_.insert(leader->run);
    joining->followers.push_back({&command, leader->run, leader->claim});
  }
  if (joining->followers.empty()) return done(std::move(joining->block));
  persist<std::vector<const worker::Command*>>(
      [this, joining](Tables& tables) {
        return tables.runs.join(joining->followers, services_.timeline.wall());
      },
      [this, joining, done = std::move(done)](const std::vector<const worker::Command*>& left) {
        std::set<const worker::Command*> joined;
        for (const auto& follower : joining->followers) {
          const bool joins = std::ranges::find(left, follower.command) == left.end();
          in_flight_.unpin(follower.leader, joins);
          pinned_.erase(pinned_.find(follower.leader));
          services_.timeline.note("{}: run {} {} {}", host_->name, brief(follower.command->run_id),
                                  joins ? "joins" : "could not join", brief(follower.leader));
          if (!joins) continue;
          finish(follower.command->ticket);
          joined.insert(follower.command);
        }
        Block others;
        for (const auto& command : joining->block)
          if (!joined.contains(&command)) others.push_back(command);
        done(std::move(others));
      });
}

void WorkerProcess::claim(Block fresh, std::function<void()> done) {
  if (fresh.empty()) return done();
  const auto block = std::make_shared<Block>(std::move(fresh));
  persist<RunsTable::Claims>(
      [this, block](Tables& tables) {
        return tables.runs.claim({instance_, host_}, *block, services_.timeline.wall(), services_.random);
      },
      [this, block, done = std::move(done)](const RunsTable::Claims& claims) {
        take_over(*block, claims);
        done();
      });
}

void WorkerProcess::take_over(const Block& block, const RunsTable::Claims& claims) {
  for (const auto index : claims.known) {
    const auto& run = block[index].run_id;
    in_flight_.remove(run);
    deliver(block[index].ticket, news_message(run, services_.database.tables.runs.rows.at(run).state));
  }
  for (const auto index : claims.held) {
    in_flight_.remove(block[index].run_id);
    out_of_turn_.insert(block[index].run_id);
    services_.timeline.after(worker::look_again, host_, [this, command = block[index]] { put(command); });
  }
  for (const auto& claimed : claims.claimed) {
    services_.timeline.note("{}: claims run {} of {}, attempt {}{}", host_->name, brief(claimed->run.id),
                            brief(claimed->run.organization_id), claimed->run.attempt,
                            claimed->run.resumed ? ", resumed" : "");
    in_flight_.claimed(claimed);
    std::optional<worker::Settlement> end;
    if (claimed->cancel_requested) end = worker::cancelled();
    if (!end && services_.timeline.wall() > claimed->asked_at + services_.settings.policy.age_max)
      end = worker::expired(services_.settings.policy);
    if (end) {
      in_flight_.begin(claimed->run.id);
      settle_later({claimed, std::move(*end), {}, in_flight_.followed(claimed->run.id)});
    } else if (stopping_) {
      release(claimed);
    } else {
      lanes_.push(claimed->key(), claimed->urgent, claimed);
    }
  }
  work();
}

}  // namespace rollcall::simulation
