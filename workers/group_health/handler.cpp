#include "workers/group_health/handler.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/directory/organizations.h"

#include <utility>

namespace rollcall::group_health {

using accounting::Accounting;

Handler::Handler(postgres::Database& database, graph::Client& client, const Clock& clock,
                 metrics::Registry& metrics, HandlerOptions options)
    : database_(database),
      clock_(clock),
      options_(std::move(options)),
      checks_(database, client, clock, metrics, options_.checks),
      relinking_(database, client, clock, checks_, options_.checks) {}

worker::Outcome Handler::handle(const worker::Run& run, worker::RunContext& context) {
  if (!options_.enabled)
    return worker::Failed{"setting_invalid", "MS_AUTH_ENABLED is false: no group is looked at", {}};
  Accounting account(context, run, clock_);
  Job job{run, account, accounting::call_for(run, account, options_.patience)};
  // For somebody who waits: a permission granted a minute ago is in the next token only.
  job.call.renew_when_denied = job.call.priority == graph::Priority::interactive;
  try {
    return serve(job);
  } catch (const Error& error) {
    // A read or a wait cut short by the process ending is no failure of the run.
    if (!context.stop().stop_requested() || error.fault() == Fault::conflict) throw;
    return worker::WaitUntil{"throttled", "the worker stops; the run goes on elsewhere", clock_.wall()};
  }
}

worker::Outcome Handler::serve(Job& job) {
  const worker::Run& run = job.run;
  const bool relink = run.operation == "relink-group";
  if (run.organization_id.is_nil()) {
    if (relink) return worker::Failed{"organization_not_found", "relink-group names no organization", {}};
    return checks_.all(job);
  }
  const auto organization = database_.transact([&](postgres::Transaction& transaction) {
    return directory::find_organization(transaction, run.organization_id);
  });
  if (!organization)
    return worker::Failed{
        "organization_not_found", "there is no organization " + run.organization_id.to_string(), {}};
  // Our token is for one tenant: it says nothing of another's groups.
  if (organization->tenant_id != options_.checks.tenant_id)
    return worker::Failed{"tenant_not_configured",
                          "the organization belongs to tenant " + organization->tenant_id +
                              "; this worker is configured for " + options_.checks.tenant_id,
                          {}};
  if (relink) return relinking_.relink(job, *organization);
  if (!organization->group)
    return worker::Failed{"group_not_linked", "the organization has no Microsoft 365 group", {}};
  return checks_.one(job, *organization);
}

std::vector<Json> Handler::expand(const Json& tick, const std::stop_token&) {
  if (!options_.enabled) return {};
  const std::string schedule = tick.at("schedule_id").get<std::string>();
  const std::string due_at = tick.at("due_at").get<std::string>();
  const Json parameters = tick.value("parameters", Json::object());
  const auto organization = parameters.find("organization_id");
  Json command = {{"operation", "check-groups"},
                  {"tenant_id", options_.checks.tenant_id},
                  {"requested_by", "schedule:" + tick.at("schedule_name").get<std::string>()}};
  std::string name = "all";
  if (organization != parameters.end()) {
    const auto only =
        organization->is_string() ? Uuid::parse(organization->get<std::string>()) : std::nullopt;
    if (!only)
      throw Error(Fault::invalid, "schema_violation", "the schedule's organization_id is not a UUID");
    command["organization_id"] = name = only->to_string();
  }
  command["run_id"] = crypto::derived_uuid({schedule, due_at, name}).to_string();
  return {std::move(command)};
}

}  // namespace rollcall::group_health
