#include "workers/advisor_scan/handler.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/directory/organizations.h"
#include "workers/advisor_scan/adapters/finding_table.h"

namespace rollcall::advisor_scan {
namespace {

Json report(const Snapshot& snapshot, const Reconciliation& result) {
  Json opened = Json::array();
  long count = 0, updated = 0;
  for (const auto& one : result.raise) {
    ++(one.opened ? count : updated);
    if (one.opened && opened.size() < 100)
      opened.push_back({{"rule", one.rule->id},
                        {"organization_id",
                         one.found.organization ? Json(one.found.organization->to_string()) : Json(nullptr)},
                        {"subject", one.found.subject}});
  }
  Json unread = Json::array();
  for (const auto& [source, problem] : snapshot.unread)
    unread.push_back({{"source", to_string(source)}, {"code", problem.code}, {"message", problem.message}});
  return {{"opened", count},
          {"updated", updated},
          {"resolved", result.resolve.size()},
          {"unchanged", result.unchanged},
          {"dismissed", result.dismissed},
          {"newer", result.newer},
          {"opened_first", opened},
          {"unread", unread}};
}

}  // namespace

Handler::Handler(postgres::Database& database, std::vector<Reading> readings, const Clock& clock,
                 metrics::Registry& metrics, HandlerOptions options)
    : database_(database),
      readings_(std::move(readings)),
      clock_(clock),
      metrics_(metrics),
      options_(std::move(options)) {}

std::optional<worker::Failed> Handler::refuse(const worker::Run& run) const {
  if (run.organization_id.is_nil()) return std::nullopt;
  const auto organization = database_.transact([&](postgres::Transaction& transaction) {
    return directory::find_organization(transaction, run.organization_id);
  });
  if (!organization)
    return worker::Failed{"organization_not_found",
                          "There is no organization " + run.organization_id.to_string() + ".", nullptr};
  if (organization->tenant_id != options_.tenant_id)
    return worker::Failed{"tenant_not_configured",
                          "The organization belongs to the tenant " + organization->tenant_id +
                              ", which is not the one this worker is configured for.",
                          nullptr};
  return std::nullopt;
}

worker::Outcome Handler::handle(const worker::Run& run, worker::RunContext& context) {
  if (auto refused = refuse(run)) return *refused;
  Snapshot scope;
  scope.tenant_id = options_.tenant_id;
  scope.client_id = options_.client_id;
  if (!run.organization_id.is_nil()) scope.organization = run.organization_id;
  const auto gathered = gather(database_, readings_, std::move(scope), context.stop());
  if (!gathered)
    return worker::WaitUntil{"throttled", "the worker stops; the scan goes on elsewhere", clock_.wall()};
  const Snapshot& snapshot = *gathered;
  Reconciliation result;
  context.checkpoint([&](postgres::Transaction& transaction) {
    lock_findings(transaction, snapshot);
    result = reconcile(snapshot, options_.limits, read_standing(transaction, snapshot));
    store(transaction, snapshot, result, run, clock_.wall());
  });
  measure(snapshot, result);
  return worker::Done{report(snapshot, result)};
}

void Handler::measure(const Snapshot& snapshot, const Reconciliation& result) {
  const auto count = [&](const char* name, const char* help, const std::string& rule) {
    metrics_.counter(name, help, {{"rule", rule}}).add();
  };
  for (const auto& one : result.raise)
    if (one.opened) count("rollcall_findings_opened_total", "Findings opened by scans.", one.rule->id);
  for (const auto& one : result.resolve)
    if (find_rule(one.rule))
      count("rollcall_findings_resolved_total", "Findings resolved by scans.", one.rule);
  if (snapshot.organization) return;
  metrics_.gauge("rollcall_advisor_sources_unread", "Sources the last scan of the tenant could not read.")
      .set(static_cast<double>(snapshot.unread.size()));
  metrics_.gauge("rollcall_advisor_scanned_timestamp_seconds", "When the tenant was last scanned.")
      .set(std::chrono::duration<double>(snapshot.taken_at.time_since_epoch()).count());
}

std::vector<Json> Handler::expand(const Json& tick, const std::stop_token&) {
  const std::string schedule = tick.at("schedule_id").get<std::string>();
  const Json parameters = tick.value("parameters", Json::object());
  const std::string organization = text_member(parameters, "organization_id");
  if (!organization.empty() && !Uuid::parse(organization))
    throw Error(Fault::invalid, "schema_violation", "the schedule's organization_id is not a UUID");
  Json command = {
      {"run_id",
       crypto::derived_uuid({schedule, tick.at("due_at").get<std::string>(), organization}).to_string()},
      {"operation", scan_operation},
      {"requested_by", "schedule:" + tick.at("schedule_name").get<std::string>()}};
  if (!organization.empty()) command["organization_id"] = organization;
  return {std::move(command)};
}

}  // namespace rollcall::advisor_scan
