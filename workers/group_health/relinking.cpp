#include "workers/group_health/relinking.h"

#include "common/core/error.h"
#include "common/graph/reads.h"
#include "common/runs/audit.h"
#include "workers/group_health/adapters/graph_groups.h"

#include <utility>

namespace rollcall::group_health {
namespace {

constexpr const char* may_restore = "Group.ReadWrite.All";  // directory-deleteditems-restore
/// A restored group is not to be found at once, wherever one asks.
constexpr std::chrono::seconds settling{30};

/// An earlier attempt of this run asked for the restoration, and did not live to hear of it.
bool asked_before(const worker::Run& run, const Uuid& group) {
  return run.carried.is_object() && run.carried.value("restoring", std::string{}) == group.to_string();
}

}  // namespace

Relinking::Relinking(postgres::Database& database, graph::Client& client, const Clock& clock,
                     const Checks& checks, CheckOptions options)
    : database_(database), client_(client), clock_(clock), checks_(checks), options_(std::move(options)) {}

worker::Outcome Relinking::relink(Job& job, const directory::Organization& organization) {
  std::optional<Uuid> group = organization.group;
  if (!group) {
    const auto before = database_.transact(
        [&](postgres::Transaction& transaction) { return find(transaction, organization.id); });
    if (!before)
      return worker::Failed{"no_group_to_relink", "no group of the organization is remembered", {}};
    group = before->group;
  }
  const Look look = look_at(client_, *group, job.call);
  const Verdict verdict = judge(look, options_.may_change_privileged);
  if (verdict.state == State::soft_deleted) {
    const Restored restored = restore_group(job, *group);
    return link(job, organization, *group, restored, std::nullopt);
  }
  if (verdict.nowhere)
    return worker::Failed{"group_gone",
                          "group " + group->to_string() +
                              " is neither in Microsoft 365 nor among what was deleted and can be restored",
                          {}};
  if (verdict.reason == "graph_unavailable") throw Error(Fault::transient, verdict.reason, verdict.message);
  const bool usable = verdict.state == State::healthy || verdict.state == State::ownerless;
  if (!usable) return worker::Failed{verdict.reason, verdict.message, {}};
  return link(job, organization, *group, {asked_before(job.run, *group), {}}, verdict);
}

Relinking::Restored Relinking::restore_group(Job& job, const Uuid& group) {
  job.account.carry({{"restoring", group.to_string()}});
  job.account.checkpoint({});
  const auto response = restore(client_, group, job.call);
  if (response.ok()) return {true, response.request_id};
  const std::string said = graph::describe(response);
  if (response.status == 401 || response.status == 403)
    throw Error(Fault::denied, "graph_not_permitted",
                std::string("Microsoft Graph does not permit restoring the group: the app needs ") +
                    may_restore + " (" + said + ")");
  if (response.status == 429)
    throw Error(Fault::throttled, "throttled", "Microsoft Graph asked for a pause", response.retry_after);
  // Whatever it was, looking again tells whether the group is there now, still deleted, or gone.
  const bool again = response.status == 0 || response.status == 404 || response.status >= 500;
  throw Error(again ? Fault::transient : Fault::invalid, again ? "graph_unavailable" : "graph_refused",
              "the group could not be restored: " + said);
}

worker::Outcome Relinking::link(Job& job, const directory::Organization& organization, const Uuid& group,
                                const Restored& restored, const std::optional<Verdict>& seen) {
  bool changed = false;
  try {
    job.account.checkpoint([&](postgres::Transaction& transaction) {
      const directory::Asker asker{job.run.caller_identity, clock_.wall()};
      if (restored.done)
        runs::store_audit(transaction,
                          {.tenant_id = organization.tenant_id,
                           .actor = asker.actor,
                           .action = "group_restored",
                           .organization_id = organization.id,
                           .group_id = group,
                           .graph_request_id = restored.request_id},
                          asker.now);
      const auto linked =
          directory::set_group(transaction, organization.id, group, asker, {{"reason", "relinked"}});
      changed = !linked.empty();
      forget(transaction, organization.id);
      if (seen) {
        save(transaction, {{organization.id, group, *seen}});
      } else {
        checks_.look_again(transaction, job.run, organization.id, settling);
      }
    });
  } catch (const Error& error) {
    if (error.code() != "group_linked_elsewhere" && error.code() != "database_conflict") throw;
    return worker::Failed{
        "group_linked_elsewhere", "group " + group.to_string() + " is linked to another organization", {}};
  }
  return worker::Done{{{"organization_id", organization.id.to_string()},
                       {"group_id", group.to_string()},
                       {"restored", restored.done},
                       {"linked", changed},
                       {"requests", accounting::requests_of(job.account.usage)},
                       {"duration_ms", job.account.duration().count()}}};
}

}  // namespace rollcall::group_health
