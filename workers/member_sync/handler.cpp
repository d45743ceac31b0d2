#include "workers/member_sync/handler.h"

#include "common/accounting/accounting.h"
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/graph/addresses.h"
#include "common/log/log.h"
#include "common/runs/runs.h"
#include "workers/member_sync/adapters/audit_event.h"
#include "workers/member_sync/core/unfinished.h"

#include <algorithm>
#include <iterator>

namespace rollcall::member_sync {
namespace {

using accounting::Accounting;
using std::chrono::milliseconds;

bool asked(const worker::Run& run, const char* parameter) {
  const auto found = run.parameters.is_object() ? run.parameters.find(parameter) : run.parameters.end();
  return run.parameters.is_object() && found != run.parameters.end() && found->is_boolean() &&
         found->get<bool>();
}

std::string seconds(milliseconds time) {
  return std::to_string((time.count() + 999) / 1000) + " s";
}

}  // namespace

struct Handler::Job {
  const worker::Run& run;
  Accounting& context;
  Organization organization;
  Uuid group;
  std::string tenant_id;
  graph::CallContext call;
};

struct Handler::Facts {
  struct Unfinished {
    UnfinishedPlan plan;
    Aftermath aftermath;
  };
  Findings findings;
  std::vector<Unfinished> unfinished;  ///< earlier runs' plans
  Plan plan;
  GroupReading reading;
  Ids mirror_before;
  std::size_t roster_size = 0, group_size = 0;
  bool keep_old_link = false;  ///< the reading may miss writes of ours: do not move the mirror on
};

Handler::Handler(postgres::Database& database, graph::Client& client, const Clock& clock,
                 HandlerOptions options)
    : database_(database),
      client_(client),
      clock_(clock),
      options_(std::move(options)),
      store_(database),
      sweep_(database, client,
             {options_.tenant_id, options_.full_read_interval, options_.patience, options_.sweep_maybe_max}) {
}

worker::Outcome Handler::handle(const worker::Run& run, worker::RunContext& context) {
  if (!options_.enabled)
    return worker::Failed{"setting_invalid", "MS_AUTH_ENABLED is false: nothing is synced", {}};
  const auto organization = store_.organization(run.organization_id);
  if (!organization)
    return worker::Failed{
        "organization_not_found", "there is no organization " + run.organization_id.to_string(), {}};
  if (!organization->group)
    return worker::Failed{"group_not_linked", "the organization has no Microsoft 365 group", {}};
  // Our token is for one tenant: in it, a group of another would be nobody's, or by ill luck somebody else's.
  if (!organization->tenant_id.empty() && organization->tenant_id != options_.tenant_id)
    return worker::Failed{"tenant_not_configured",
                          "the organization belongs to tenant " + organization->tenant_id +
                              "; this worker is configured for " + options_.tenant_id,
                          {}};
  Accounting account(context, run, clock_);
  Job job{run,
          account,
          *organization,
          *organization->group,
          organization->tenant_id.empty() ? options_.tenant_id : organization->tenant_id,
          accounting::call_for(run, account, options_.patience)};
  try {
    // A plan marked as being applied says by itself that an attempt was interrupted. One for a group that is
    // no longer linked must not be carried out, nor one of a run that was tried again by hand, which begins
    // anew.
    auto stored = run.resumed ? load_plan(database_, run.id) : std::nullopt;
    if (stored && stored->group == job.group) return resume(job, std::move(*stored));
    return start(job);
  } catch (const Error& error) {
    // A read or a wait cut short by the process ending is no failure of the run.
    if (!context.stop().stop_requested() || error.fault() == Fault::conflict) throw;
    return worker::WaitUntil{"throttled", "the worker stops; the run goes on elsewhere", clock_.wall()};
  }
}

worker::Outcome Handler::start(Job& job) {
  const Turn turn = ask_turn(database_, job.run.id, job.run.organization_id);
  if (turn.wait > milliseconds{0} && !asked(job.run, "dry_run")) return behind(turn.wait);
  const Facts facts = gather(job);
  const std::string digest = crypto::sha256_hex(canonical_text(job.group, facts.plan));
  if (asked(job.run, "dry_run")) {
    Json result = report(job, facts.plan, facts.findings, {});
    result["plan"] = shown_plan(facts.plan);
    result["digest"] = digest;
    job.context.checkpoint([&](postgres::Transaction& transaction) {
      save_plan(transaction, {job.run.id, job.run.organization_id, job.group, digest, &facts.plan,
                              to_json(facts.findings)});
    });
    return worker::Done{std::move(result)};
  }
  if (auto held = hold_back(job, facts, digest, turn.begun)) return std::move(*held);
  if (!record_reading(job, facts, digest, turn.begun)) return behind(milliseconds{100});
  // What an earlier run has done and the reading does not show yet is found in effect when it is done again.
  const bool maybe_applied =
      std::ranges::any_of(facts.unfinished, [](const auto& one) { return one.aftermath.open; });
  return carry_out(job, facts.plan, facts.findings, {}, maybe_applied);
}

worker::Outcome Handler::behind(milliseconds wait) const {
  return worker::WaitUntil{"run_ahead", "another run of the organization is changing the group",
                           clock_.wall() + wait};
}

worker::Outcome Handler::resume(Job& job, StoredPlan stored) {
  log::info("sync_resumed", {{"run_id", job.run.id.to_string()},
                             {"finished", stored.finished.size()},
                             {"total", stored.plan.size()}});
  return carry_out(job, stored.plan, findings_from_json(stored.context), stored.finished, true);
}

/// Asks for the addresses without a known account, and returns the candidates of the ambiguous ones: one of
/// them may well be the person meant, so none of them is touched.
Ids Handler::resolve_open(Job& job, Roster& roster, Findings& findings) {
  Ids candidates;
  if (roster.open_addresses.empty()) return candidates;
  const auto resolutions = resolve_addresses(client_, std::move(roster.open_addresses), job.call);
  store_.save_identities(job.tenant_id, resolutions);
  note_unresolved(findings, resolutions);
  for (const Resolution& one : resolutions) {
    Ids& into = one.state == AddressState::resolved ? roster.ids : candidates;
    into.insert(into.end(), one.candidates.begin(), one.candidates.end());
  }
  normalize(roster.ids);
  normalize(candidates);
  return candidates;
}

Handler::Facts Handler::gather(Job& job) {
  Facts facts;
  Findings& findings = facts.findings;
  auto unfinished = load_unfinished(database_, job.run.id, job.run.organization_id);
  findings.roster_version = job.organization.roster_version;
  Roster roster = store_.roster(job.run.organization_id, job.tenant_id);
  const Ids untouched = resolve_open(job, roster, findings);
  Kept kept = store_.kept(job.run.organization_id, job.group, options_.full_read_interval);
  findings.read_at = kept.read_at;
  const bool full = kept.full_read_due || asked(job.run, "full_read");
  const auto writes = store_.recent_writes(job.run.organization_id, job.group, options_.hold_off);
  facts.reading = read_group(client_, job.group, full ? nullptr : &kept.mirror, job.call);
  const Ids group = overlay(facts.reading.members, writes);
  if (!facts.reading.others.empty()) {  // what is in the group under another type cannot be added again
    Ids rest;
    std::ranges::set_difference(roster.ids, facts.reading.others, std::back_inserter(rest));
    roster.ids = std::move(rest);
  }
  for (UnfinishedPlan& one : unfinished) {
    // Of a group that is no longer linked, nobody here can see what became of it.
    Aftermath found;
    if (one.stored.group == job.group) found = aftermath(one.stored.plan, one.stored.finished, group);
    facts.unfinished.push_back({std::move(one), std::move(found)});
  }
  facts.plan = make_plan({roster.ids, roster.departed, group, untouched, job.organization.policy});
  facts.roster_size = roster.ids.size();
  facts.group_size = group.size();
  facts.mirror_before = std::move(kept.mirror.members);
  findings.already_member = static_cast<long>(count_common(roster.ids, group));
  findings.member_count = static_cast<long>(group.size());
  if (!writes.empty() && facts.reading.full) {
    // The listing may lack what we wrote and the fresh link would never tell of it: believe our writes, keep
    // no link.
    facts.reading.members = group;
    facts.reading.delta_link.clear();
  }
  facts.keep_old_link = !writes.empty() && !facts.reading.full;
  return facts;
}

/// Guards: nothing is touched until a person has approved exactly this plan.
std::optional<worker::Outcome> Handler::hold_back(Job& job, const Facts& facts, const std::string& digest,
                                                  WallTime begun) {
  if (facts.plan.removals.empty() || digest == job.run.approved_digest) return std::nullopt;
  auto problem = tripped_guard(job.organization.guards, facts.plan, facts.roster_size, facts.group_size);
  if (!problem) return std::nullopt;
  if (!job.run.approved_digest.empty())
    problem = Problem{"plan_changed", "the plan is no longer the one that was approved; " + problem->message};
  Json result = report(job, facts.plan, facts.findings, {});
  result["plan"] = shown_plan(facts.plan);
  result["digest"] = digest;
  job.context.checkpoint([&](postgres::Transaction& transaction) {
    close_unfinished(transaction, job, facts, begun);  // an approval may take days
    save_plan(transaction,
              {job.run.id, job.run.organization_id, job.group, digest, &facts.plan, to_json(facts.findings)});
  });
  return worker::NeedsApproval{problem->code, problem->message, digest, std::move(result)};
}

/// Mirror and plan in one transaction, before the first write: the mirror is the group as of its delta link,
/// so the next delta tells of our own changes as of anybody's, and until it does sync.recent_writes lies over
/// it. False, and nothing is stored, where another run was quicker.
bool Handler::record_reading(Job& job, const Facts& facts, const std::string& digest, WallTime begun) {
  bool first = true;
  job.context.checkpoint([&](postgres::Transaction& transaction) {
    first = close_unfinished(transaction, job, facts, begun);
    if (!first) return;
    if (!facts.keep_old_link)
      save_reading(transaction, job.run.organization_id, job.group, facts.reading, facts.mirror_before);
    if (!facts.plan.empty())
      save_plan(transaction, {job.run.id, job.run.organization_id, job.group, digest, &facts.plan,
                              to_json(facts.findings), true});
  });
  return first;
}

/// Puts on record what earlier runs did and did not live to tell, under their names; the sweep publishes it.
/// False, and nothing is done, where another run was quicker: what the reading shows may then be its doing.
bool Handler::close_unfinished(postgres::Transaction& transaction, const Job& job, const Facts& facts,
                               WallTime begun) const {
  std::vector<Uuid> known;
  for (const auto& one : facts.unfinished)
    known.push_back(one.plan.run);
  if (!still_first(transaction, job.run.id, job.run.organization_id, begun, known)) return false;
  for (const auto& [unfinished, aftermath] : facts.unfinished) {
    const Plan& plan = unfinished.stored.plan;
    const AuditedRun run{unfinished.run, job.run.organization_id, job.group, job.tenant_id,
                         unfinished.caller_identity};
    std::vector<kafka::Message> events;
    for (const std::uint32_t change : aftermath.in_effect)
      events.push_back(audit_event(run, plan.member(change), plan.is_add(change), {}, clock_.wall()));
    runs::store_in_outbox(transaction, events);
    close_plan(transaction, unfinished.run);
    log::info("unfinished_plan_closed",
              {{"run_id", unfinished.run.to_string()}, {"found_in_effect", events.size()}});
  }
  return true;
}

worker::Outcome Handler::carry_out(Job& job, const Plan& plan, const Findings& findings,
                                   const std::vector<Settled>& finished, bool resumed) {
  std::vector<Settled> settled = finished;
  if (!plan.empty()) {
    Applier applier{
        client_, clock_, job.call, {job.run, job.context, database_, job.tenant_id, job.group, plan}};
    ApplyEnd end = applier.run(finished, resumed);
    settled.insert(settled.end(), std::make_move_iterator(end.settled.begin()),
                   std::make_move_iterator(end.settled.end()));
    switch (end.why) {
      case ApplyEnd::Why::paused:
        if (end.problem.code.empty())
          end.problem = {"throttled", "Microsoft Graph asked for a pause of " + seconds(end.pause)};
        return worker::WaitUntil{end.problem.code, end.problem.message, clock_.wall() + end.pause};
      case ApplyEnd::Why::stopped:
        return worker::WaitUntil{"throttled", "the worker stops; the run goes on elsewhere", clock_.wall()};
      case ApplyEnd::Why::group_lost:  // whoever retries this run later wants a new plan
        job.context.checkpoint(
            [&](postgres::Transaction& transaction) { close_plan(transaction, job.run.id); });
        return worker::Failed{end.problem.code, end.problem.message, report(job, plan, findings, settled)};
      case ApplyEnd::Why::complete:
        break;
    }
    if (const auto open = std::ranges::find_if(settled, &Settled::passing); open != settled.end())
      return worker::RetryAfter{open->code,
                                "Microsoft Graph failed for some of the changes, the first: " + open->message,
                                milliseconds{0}};
  }
  return finish(job, plan, findings, settled);
}

worker::Outcome Handler::finish(Job& job, const Plan& plan, const Findings& findings,
                                const std::vector<Settled>& settled) {
  Ids gone;
  for (const Settled& one : settled)
    if (one.code == "member_not_found") gone.push_back(plan.member(one.change));
  store_.forget_identities(job.tenant_id, gone);
  const Outcomes outcomes = count(plan, settled);
  job.context.checkpoint([&](postgres::Transaction& transaction) {
    save_finish(transaction, {job.run.id, job.run.organization_id, findings.roster_version,
                              findings.member_count + outcomes.added - outcomes.removed, options_.hold_off,
                              findings.read_at});
    if (findings.read_at) clear_mark(transaction, job.run.organization_id, *findings.read_at);
  });
  return worker::Done{report(job, plan, findings, settled)};
}

Json Handler::report(const Job& job, const Plan& plan, const Findings& findings,
                     const std::vector<Settled>& settled) const {
  return result_json({findings, plan, count(plan, settled), asked(job.run, "dry_run"), job.context.usage,
                      job.context.duration()});
}

std::vector<Json> Handler::expand(const Json& tick, const std::stop_token& stop) {
  return options_.enabled ? sweep_.commands(tick, stop) : std::vector<Json>{};
}

}  // namespace rollcall::member_sync
