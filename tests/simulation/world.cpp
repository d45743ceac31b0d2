#include "tests/simulation/world.h"

#include "common/crypto/crypto.h"
#include "common/runs/blocks.h"

#include <algorithm>

namespace rollcall::simulation {
namespace {

constexpr milliseconds active_time{60'000};
/// Everything that is known to wait longest: a re-sent run after a resent tick, quotas, backoffs.
constexpr milliseconds quiet_limit{1'800'000};

}  // namespace

void World::advance(milliseconds time) {
  const auto end = services_.timeline.now() + time;
  while (services_.timeline.step(end)) {
  }
}

void World::run() {
  set_up();
  choose_faults();
  advance(active_time);
  make_peace();
  settle_down();
  ask_afterwards();
  settle_down();
  check_end();
}

void World::settle_down() {
  for (milliseconds waited{0}; !quiet() && waited < quiet_limit; waited += milliseconds{1'000})
    advance(milliseconds{1'000});
  advance(milliseconds{3'000});  // what is on its way arrives
}

bool World::quiet() const {
  const auto& tables = services_.database.tables;
  const auto& rows = tables.runs.rows;
  return std::ranges::all_of(rows, [](const auto& row) { return row.second.ended(); }) &&
         std::ranges::all_of(asked_, [&](const auto& id) { return rows.contains(id); }) &&
         std::ranges::all_of(tables.ticks,
                             [&](const auto& tick) {
                               return tick.second.served_at ||
                                      tick.second.expires_at <= services_.timeline.wall();
                             }) &&
         tables.outbox.empty() &&
         std::ranges::all_of(workers_, [](const auto& place) { return place.now().idle(); });
}

void World::check_end() {
  services_.timeline.note("the end is checked");
  check_runs();
  check_queues();
  check_audit();
  check_groups();
  check_afterwards();
}

/// Who can renew its claims keeps them.
void World::check_taken(const RunRow& row) const {
  const auto now = services_.timeline.now();
  const auto& host = *row.holder;
  const auto& database = services_.database;
  if (!clean_database_ || database.away || !host.responds(now)) return;
  const auto well_since = std::max(host.well_since, database.well_since);
  if (now - well_since > runs::stale_after + runs::heartbeat_every + milliseconds{1'000})
    throw Violation(fmt::format("run {} is taken from {}, which is well", brief(row.id), host.name));
}

void World::check_runs() {
  const auto& rows = services_.database.tables.runs.rows;
  for (const auto& id : asked_) {
    const auto published = published_.find(id);
    if (!rows.contains(id) && published != published_.end() &&
        published->second <= lost_data_ + milliseconds{2'000})
      continue;
    if (!rows.contains(id)) throw Violation("run " + brief(id) + " was asked for and is nowhere");
  }
  for (const auto& [id, row] : rows) {
    if (!row.ended()) {
      for (const auto& [other, plan] : services_.database.tables.plans) {
        if (plan.organization == row.organization && plan.applying)
          services_.timeline.note("the plan of run {} ({}) is under way", brief(other), rows.at(other).state);
      }
      throw Violation("run " + brief(id) + " is " + row.state + " for ever");
    }
    if (row.ends != 1) throw Violation(fmt::format("run {} ended {} times", brief(id), row.ends));
    if (row.state == "cancelled" && !row.asked_to_cancel)
      throw Violation("run " + brief(id) + " was cancelled by nobody");
    if (lost_data_ != SteadyTime{}) continue;  // with it, what the messages would have led back to
    const auto told = told_.find(id);
    if (told == told_.end() || !told->second.contains(row.state))
      throw Violation("the end of run " + brief(id) + " (" + row.state + ") was never told");
  }
}

/// Nothing is left anywhere: what grows without bound shows here.
void World::check_queues() const {
  const auto& tables = services_.database.tables;
  if (!tables.outbox.empty()) throw Violation("the outbox keeps what was delivered");
  for (const auto& place : workers_)
    if (!place.now().idle()) throw Violation(place.now().host()->name + " keeps something for ever");
  for (const auto& [key, tick] : tables.ticks) {
    if (!tick.served_at && tick.expires_at > services_.timeline.wall())
      throw Violation("a tick is neither served nor expired");
  }
}

/// Every change of a group by a run that succeeded is on record, once.
void World::check_audit() const {
  if (lost_data_ != SteadyTime{}) return;  // what Kafka took and lost is for `audit verify` to name
  const auto& rows = services_.database.tables.runs.rows;
  for (const auto& [run, member, added] : services_.graph.effects) {
    // What a run did that failed or was cancelled before the answers came may be on no record.
    if (rows.at(run).state != "succeeded" || rows.at(run).retried_at) continue;
    const char* action = added ? "member_added" : "member_removed";
    if (!audited_.contains(crypto::derived_uuid({run.to_string(), action, member.to_string()})))
      throw Violation("run " + brief(run) + " changed a group without a record of it");
    if (services_.graph.effects.count({run, member, added}) > 1)
      throw Violation("run " + brief(run) + " did the same twice");
  }
}

/// Nothing that went wrong before the peace is remembered: no open circuit breaker, no quota that is lost, no
/// partition whose offset stands still.
void World::check_afterwards() const {
  const auto& [policy, rows] = std::tie(services_.settings.policy, services_.database.tables.runs.rows);
  const bool expires = policy.age_max < quiet_limit;
  for (const auto& id : afterwards_) {
    const auto& row = rows.at(id);
    if (row.state != "succeeded" && !expires)
      throw Violation("run " + brief(id) + ", asked for in peace, " + row.state);
  }
  services_.broker.check_committed(quiet_since_);
}

void World::check_groups() {
  auto& tables = services_.database.tables;
  for (const auto& organization : organizations_) {
    bool sound = false;
    for (const auto& [id, row] : tables.runs.rows) {
      if (row.organization != organization || row.state != "succeeded" || !row.started_at) continue;
      sound = sound || *row.started_at >= tables.organizations[organization].changed_at;
    }
    if (sound && services_.graph.groups[organization] != tables.organizations[organization].roster)
      throw Violation("group " + brief(organization) + " is not its roster");
  }
}

}  // namespace rollcall::simulation
