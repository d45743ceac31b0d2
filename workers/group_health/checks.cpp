#include "workers/group_health/checks.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/runs/debounce.h"
#include "workers/group_health/adapters/graph_groups.h"
#include "workers/group_health/adapters/linked_groups.h"
#include "workers/group_health/core/second_look.h"

#include <map>
#include <utility>

namespace rollcall::group_health {
namespace {

using std::chrono::milliseconds;

/// Beyond so many the next sweep looks again: it costs less.
constexpr std::size_t second_looks_max = 100;
/// A service that is away for so many attempts is worth somebody's attention.
constexpr int attempts_unnoticed = 3;

void finish_result(Json& result, const Job& job) {
  result["requests"] = accounting::requests_of(job.account.usage);
  result["duration_ms"] = job.account.duration().count();
}

Uuid carried_id(const Json& carried, const char* name) {
  return carried.is_object() ? Uuid::parse(carried.value(name, std::string{})).value_or(Uuid{}) : Uuid{};
}

}  // namespace

Checks::Checks(postgres::Database& database, graph::Client& client, const Clock& clock,
               metrics::Registry& metrics, CheckOptions options)
    : database_(database),
      client_(client),
      clock_(clock),
      metrics_(metrics),
      cleared_total_(metrics.counter("rollcall_group_links_removed_total",
                                     "Links removed because their group was gone for good.")),
      options_(std::move(options)) {}

worker::Outcome Checks::one(Job& job, const directory::Organization& organization) {
  const WallTime begun = time_of_database(database_);
  const Verdict verdict =
      judge(look_at(client_, *organization.group, job.call), options_.may_change_privileged);
  job.account.checkpoint([&](postgres::Transaction& transaction) {
    save(transaction, {{organization.id, *organization.group, verdict}});
  });
  const Confirmed confirmed = confirm(job, organization.id, begun);
  const auto health = database_.transact(
      [&](postgres::Transaction& transaction) { return find(transaction, organization.id); });
  Json result = health ? to_json(*health) : Json::object();
  result["organization_id"] = organization.id.to_string();
  result["link_removed"] = confirmed.cleared > 0;
  result["guarded"] = confirmed.guarded;
  result["looked_at_again"] = confirmed.later;
  finish_result(result, job);
  return worker::Done{std::move(result)};
}

worker::Outcome Checks::all(Job& job) {
  const Json& carried = job.run.carried;
  const auto kept = carried.is_object() ? parse_rfc3339(carried.value("begun", std::string{})) : std::nullopt;
  const WallTime begun = kept.value_or(time_of_database(database_));
  try {
    look_at_pages(job, carried_id(carried, "after"), carried.is_object() ? carried.value("checked", 0L) : 0,
                  begun);
  } catch (const Error& error) {
    const bool lasting = error.fault() == Fault::denied || error.fault() == Fault::config ||
                         (error.code() == "graph_unavailable" && job.run.attempt >= attempts_unnoticed);
    if (lasting)
      database_.transact([&](postgres::Transaction& transaction) {
        note_access(transaction, options_.tenant_id, error.code(), error.what());
      });
    throw;
  }
  const Confirmed confirmed = confirm(job, {}, begun);
  bool guarded = confirmed.guarded;
  job.account.checkpoint([&](postgres::Transaction& transaction) {
    guarded = note_absence(transaction, options_.tenant_id, options_.absence);
    note_access(transaction, options_.tenant_id, {}, {});
    forget_unlinked(transaction, options_.tenant_id);
  });
  show_states();
  Json states = Json::object();
  long checked = confirmed.cleared;
  for (const auto& [state, count] : count_states(database_, options_.tenant_id)) {
    states[state] = count;
    checked += count;
  }
  if (confirmed.cleared > 0) states[to_string(State::gone)] = confirmed.cleared;
  Json result = {{"checked", checked},
                 {"states", std::move(states)},
                 {"links_removed", confirmed.cleared},
                 {"guarded", guarded},
                 {"looked_at_again", confirmed.later}};
  finish_result(result, job);
  return worker::Done{std::move(result)};
}

void Checks::look_at_pages(Job& job, Uuid after, long checked, WallTime begun) {
  const auto total = static_cast<long>(count_linked(database_, options_.tenant_id));
  for (;;) {
    const auto page = linked_after(database_, options_.tenant_id, after, groups_per_batch);
    if (page.empty()) return;
    if (job.call.stop.stop_requested())
      throw Error(Fault::throttled, "throttled", "the worker stops; the run goes on elsewhere",
                  milliseconds{0});
    std::vector<Uuid> groups;
    for (const Linked& one : page)
      groups.push_back(one.group);
    const auto looks = look_at(client_, groups, job.call);
    std::vector<Checked> verdicts;
    for (std::size_t i = 0; i < page.size(); ++i)
      verdicts.push_back(
          {page[i].organization, page[i].group, judge(looks[i], options_.may_change_privileged)});
    after = page.back().organization;
    checked += static_cast<long>(page.size());
    job.account.checkpoint([&](postgres::Transaction& transaction) { save(transaction, verdicts); });
    // After it: what could not be stored is looked at again.
    job.account.carry({{"after", after.to_string()}, {"checked", checked}, {"begun", to_rfc3339(begun)}});
    job.account.progress(checked, total);
  }
}

Checks::Confirmed Checks::confirm(Job& job, const Uuid& only, WallTime begun) {
  Confirmed confirmed;
  std::vector<std::pair<Uuid, milliseconds>> later;
  for (const Missing& one : missing_since(database_, options_.tenant_id, only, begun)) {
    const auto look = second_look(one.missing_for, one.linked_for, options_.second_look_after);
    if (!look.gone) {
      later.emplace_back(one.organization, look.again_in);
      continue;
    }
    Cleared cleared;
    job.account.checkpoint([&](postgres::Transaction& transaction) {
      cleared = clear_reference(transaction, one.organization, one.group, options_.absence,
                                {job.run.caller_identity, clock_.wall()});
    });
    confirmed.guarded = cleared.outcome == Clearing::suspicious;
    if (confirmed.guarded) return confirmed;
    if (cleared.outcome != Clearing::cleared) continue;
    ++confirmed.cleared;
    cleared_total_.add();
    log::warn("group_reference_cleared",
              {{"organization_id", one.organization.to_string()}, {"group_id", one.group.to_string()}});
  }
  if (later.empty() || later.size() > second_looks_max) return confirmed;
  job.account.checkpoint([&](postgres::Transaction& transaction) {
    confirmed.later = 0;
    confirmed.guarded = note_absence(transaction, options_.tenant_id, options_.absence);
    if (confirmed.guarded) return;
    for (const auto& [organization, wait] : later)
      look_again(transaction, job.run, organization, wait);
    confirmed.later = static_cast<long>(later.size());
  });
  return confirmed;
}

void Checks::look_again(postgres::Transaction& transaction, const worker::Run& run, const Uuid& organization,
                        milliseconds wait) const {
  // Derived, so that an attempt that is made again asks for no second one.
  runs::enqueue_debounced(
      transaction,
      {{crypto::derived_uuid({run.id.to_string(), organization.to_string(), "second look"}),
        options_.tenant_id, "group-health", "check-groups", "group-health", organization, Json::object(),
        true}},
      wait, "The group is looked at again.");
}

void Checks::show_states() {
  const auto states = count_states(database_, options_.tenant_id);
  for (const State state :
       {State::healthy, State::ownerless, State::unmanageable, State::soft_deleted, State::unreachable}) {
    const auto found = states.find(to_string(state));
    metrics_
        .gauge("rollcall_linked_groups", "Linked groups by the state in which the last look found them.",
               {{"state", to_string(state)}})
        .set(found == states.end() ? 0 : static_cast<double>(found->second));
  }
}

}  // namespace rollcall::group_health
