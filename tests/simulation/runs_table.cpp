#include "tests/simulation/runs_table.h"

#include "common/core/error.h"
#include "common/runs/blocks.h"

#include <algorithm>

namespace rollcall::simulation {
namespace {

bool stale(const RunRow& row, WallTime now, milliseconds age) {
  return row.heartbeat_at.value_or(row.started_at.value_or(row.queued_at)) < now - age;
}

}  // namespace

Message command_message(const RunRow& row) {
  return {row.bulk ? "ticks" : "commands", row.organization,
          CommandNote{row.id, row.organization, row.parameters, row.epoch}};
}

Message news_message(const Uuid& run, const std::string& state) {
  return {"runs", run, RunNews{run, state}};
}

void RunsTable::insert(const Asked& asked, WallTime now, Messages& publish) {
  RunRow row;
  row.id = asked.run;
  row.organization = asked.organization;
  row.parameters = asked.parameters;
  row.tick = asked.tick;
  row.bulk = asked.bulk;
  row.created_at = row.queued_at = now;
  publish.push_back(command_message(row));
  rows.emplace(row.id, std::move(row));
}

Uuid RunsTable::enqueue(const Asked& asked, WallTime now, Messages& publish) {
  if (rows.contains(asked.run)) return asked.run;
  RunRow* leader = nullptr;
  for (auto& [id, row] : rows) {
    const bool fresh = row.state == "queued" && row.attempt == 0 && !row.started_at && !row.cancel_requested;
    if (!fresh || row.organization != asked.organization || row.parameters != asked.parameters) continue;
    if (!leader || row.created_at < leader->created_at) leader = &row;
  }
  if (!leader) {
    insert(asked, now, publish);
    return asked.run;
  }
  if (!asked.bulk && leader->bulk) {
    leader->bulk = false;
    publish.push_back(command_message(*leader));
  }
  return leader->id;
}

void RunsTable::enqueue_unless_open(const Asked& asked, WallTime now, Messages& publish) {
  if (rows.contains(asked.run)) return;
  for (const auto& [id, row] : rows)
    if (row.organization == asked.organization && row.open()) return;
  insert(asked, now, publish);
}

RunsTable::Claims RunsTable::claim(const Claimant& claimant, const std::vector<worker::Command>& commands,
                                   WallTime now, Random& random) {
  Claims claims;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const auto& command = commands[i];
    auto [at, made] = rows.try_emplace(command.run_id);
    RunRow& row = at->second;
    if (made) {
      row.id = command.run_id;
      row.organization = *command.organization_id;
      row.parameters = command.parameters.get<int>();
      row.created_at = row.queued_at = now;
    } else if (row.state != "queued" && !(row.state == "running" && (row.claimed_by == claimant.instance ||
                                                                     stale(row, now, runs::stale_after)))) {
      (row.state == "running" ? claims.held : claims.known).push_back(i);
      continue;
    }
    if (row.state == "running" && row.claimed_by != claimant.instance) on_taken(row);
    row.state = "running";
    row.claim = random.uuid();
    row.claimed_by = claimant.instance;
    row.holder = claimant.host;
    ++row.attempt;
    if (!made) row.heartbeat_at = now;
    row.resume_at.reset();
    auto claimed = std::make_shared<worker::Claimed>();
    claimed->claim = row.claim;
    claimed->run.id = row.id;
    claimed->run.attempt = row.attempt;
    claimed->run.resumed = row.started_at && *row.started_at < now;
    claimed->run.organization_id = row.organization;
    claimed->run.operation = "sync";
    claimed->run.parameters = row.parameters;
    claimed->cancel_requested = row.cancel_requested;
    claimed->asked_at = row.retried_at.value_or(row.created_at);
    claimed->parameters_hash = std::to_string(row.parameters);
    claimed->followed = claimed->run.resumed || std::ranges::any_of(rows, [&](const auto& other) {
                          return other.second.joined_to == row.id && other.second.state == "waiting";
                        });
    claimed->urgent = command.urgent;
    claimed->ticket = command.ticket;
    if (!row.started_at) row.started_at = now;
    claims.claimed.push_back(std::move(claimed));
  }
  return claims;
}

std::vector<const worker::Command*> RunsTable::join(const std::vector<worker::Follower>& followers,
                                                    WallTime now) {
  std::vector<const worker::Command*> left;
  for (const auto& follower : followers) {
    const auto leader = rows.find(follower.leader);
    const bool held = leader != rows.end() && leader->second.state == "running" &&
                      leader->second.claim == follower.leader_claim;
    const auto known = rows.find(follower.command->run_id);
    const bool begun = known != rows.end() && (known->second.attempt > 0 || known->second.started_at);
    const bool may = known == rows.end() || (known->second.state == "queued" && !begun) ||
                     (known->second.state == "waiting" && known->second.joined_to == follower.leader);
    if (!held || !may) {
      left.push_back(follower.command);
      continue;
    }
    auto& row = rows[follower.command->run_id];
    if (known == rows.end()) {
      row.id = follower.command->run_id;
      row.organization = *follower.command->organization_id;
      row.parameters = follower.command->parameters.get<int>();
      row.created_at = row.queued_at = now;
    }
    row.state = "waiting";
    row.joined_to = follower.leader;
    row.had_joined = true;
    row.concluded_epoch = row.epoch;
  }
  return left;
}

void RunsTable::hold(const Uuid& run, const Uuid& claim, WallTime now) {
  const auto found = rows.find(run);
  if (found == rows.end() || found->second.claim != claim || found->second.state != "running")
    throw Error(Fault::conflict, "claim_lost", "Another worker holds the run now.");
  if (found->second.cancel_requested) throw Error(Fault::conflict, "cancelled", "The run was cancelled.");
  auto& row = found->second;
  const auto seen = row.heartbeat_at ? row.heartbeat_at : row.started_at;
  if (!seen || *seen < now - runs::heartbeat_every) row.heartbeat_at = now;
}

std::set<Uuid> RunsTable::settle(const std::vector<worker::Finished*>& finished, WallTime now,
                                 Messages& publish) {
  std::set<Uuid> held;
  for (auto* one : finished) {
    auto& settlement = one->settlement;
    auto& row = rows.at(one->claimed->run.id);
    if (settlement.outcome.empty() && row.cancel_requested) settlement = worker::cancelled();
    if (row.claim != one->claimed->claim || row.state != "running") continue;
    held.insert(row.id);
    row.attempt -= settlement.refund_attempt ? 1 : 0;
    row.resume_at = settlement.resume_at;
    if (settlement.state == "queued") {
      row.state = settlement.state;
      row.claim = {};
    } else if (settlement.outcome.empty()) {
      row.state = settlement.state;
      row.concluded_epoch = row.epoch;
    } else {
      end(row, settlement.state, settlement.outcome, now);
      if (one->followed) conclude_followers(row.id, now, publish);
    }
  }
  return held;
}

void RunsTable::end(RunRow& row, const std::string& state, const std::string& outcome, WallTime now) {
  row.state = state;
  row.outcome = outcome;
  row.finished_at = now;
  row.concluded_epoch = row.epoch;
  if (++row.ends > 1) throw Violation(fmt::format("run {} ended twice", brief(row.id)));
}

/// Queued anew, under a new claim to come.
void RunsTable::queue(RunRow& row, WallTime now, Messages& publish) {
  row.state = "queued";
  row.queued_at = now;
  row.resume_at.reset();
  row.claim = {};
  row.claimed_by.clear();
  row.heartbeat_at.reset();
  ++row.epoch;
  publish.push_back(command_message(row));
  publish.push_back(news_message(row.id, "queued"));
}

void RunsTable::conclude_followers(const Uuid& leader, WallTime now, Messages& publish) {
  const RunRow led = rows.at(leader);
  std::vector<Uuid> next;
  for (auto& [id, row] : rows) {
    if (row.joined_to != leader || row.state != "waiting") continue;
    if (led.state == "cancelled") {
      row.joined_to = {};
      queue(row, now, publish);
    } else {
      row.attempt = led.attempt;
      end(row, led.state, "joined", now);
      publish.push_back(news_message(id, row.state));
      next.push_back(id);
    }
  }
  for (const auto& id : next)
    conclude_followers(id, now, publish);
}

std::map<Uuid, worker::InFlight::Heard> RunsTable::heartbeat(const std::vector<worker::InFlight::Held>& held,
                                                             WallTime now,
                                                             const std::function<bool()>& locked) {
  std::map<Uuid, worker::InFlight::Heard> answers;
  for (const auto& [run, claim] : held) {
    const auto found = rows.find(run);
    if (found == rows.end()) continue;
    auto& row = found->second;
    const bool lost = row.claim != claim || row.state != "running";
    const bool renewed = !lost && !locked();
    if (renewed) row.heartbeat_at = now;
    answers[run] = {row.cancel_requested, lost, renewed};
  }
  return answers;
}

void RunsTable::cancel(const Uuid& run, WallTime now, Messages& publish) {
  const auto found = rows.find(run);
  if (found == rows.end() || found->second.ended()) return;
  auto& row = found->second;
  row.asked_to_cancel = true;
  if (row.state == "running") {
    row.cancel_requested = true;
    return;
  }
  row.claim = {};
  row.resume_at.reset();
  end(row, "cancelled", "cancelled", now);
  publish.push_back(news_message(run, "cancelled"));
  conclude_followers(run, now, publish);
}

void RunsTable::retry(const Uuid& run, WallTime now, Messages& publish) {
  const auto found = rows.find(run);
  if (found == rows.end() || (found->second.state != "failed" && found->second.state != "cancelled")) return;
  auto& row = found->second;
  row.attempt = 0;
  row.retried_at = now;
  row.bulk = false;
  row.started_at.reset();
  row.finished_at.reset();
  row.cancel_requested = row.asked_to_cancel = false;
  row.joined_to = {};
  row.outcome.clear();
  row.ends = 0;
  queue(row, now, publish);
}

void RunsTable::resume(WallTime now, Messages& publish) {
  for (auto& [id, row] : rows)
    if (row.state == "waiting" && row.resume_at && *row.resume_at <= now) {
      row.resends = 0;
      queue(row, now, publish);
    }
}

void RunsTable::rescue(WallTime now, milliseconds age, Messages& publish) {
  for (auto& [id, row] : rows)
    if (row.state == "running" && stale(row, now, age)) {
      on_taken(row);
      row.resends = 0;
      queue(row, now, publish);
    }
}

void RunsTable::resend(WallTime now, milliseconds age, Messages& publish) {
  for (auto& [id, row] : rows) {
    if (row.state != "queued" || row.queued_at >= now - age * (1 << std::min(row.resends, 6))) continue;
    ++row.resends;
    row.claim = {};
    row.claimed_by.clear();
    row.heartbeat_at.reset();
    row.resume_at.reset();
    row.queued_at = now;
    publish.push_back(command_message(row));
  }
}

}  // namespace rollcall::simulation
