#include "workers/advisor_scan/core/rules.h"

#include <algorithm>
#include <array>

namespace rollcall::advisor_scan {
namespace {

constexpr auto rules = std::to_array<Rule>({
    // security
    {"advisor.members_unmatched", "security", "medium", Source::histories, false,
     "People are in the group who are not on the roster",
     "Add them to the roster, or have them removed: 'rollcall policy ORG set --removal remove-departed' or "
     "'mirror'; 'rollcall runs show RUN' lists them.",
     unmatched_members},
    {"advisor.audit_gap", "security", "high", Source::audit, false,
     "Changes of a run are missing from the audit trail",
     "See that rollcall-audit-writer runs and that 'rollcall dead list rollcall.audit' is empty: what lies "
     "there is sent back with 'rollcall dead replay'.",
     audit_gaps},
    {"advisor.certificate_expiring", "security", "medium", Source::certificate, true,
     "The certificate that Rollcall signs in with is about to expire",
     "Add a new certificate to the app in Entra ID, put it into MS_AUTH_CERTIFICATE of every process and "
     "restart them; then remove the old one.",
     expiring_certificates},
    {"advisor.credential_expiring", "security", "medium", Source::application, true,
     "A secret or certificate of the app is about to expire",
     "Where Rollcall signs in with it, add a successor to the app in Entra ID, put it into MS_AUTH_SECRET or "
     "MS_AUTH_CERTIFICATE of every process and restart them; remove what is no longer used.",
     expiring_credentials},
    {"advisor.permissions_excessive", "security", "medium", Source::permissions, true,
     "The app may do more than Rollcall needs",
     "Revoke these application permissions in Entra ID, or give other software an app of its own.",
     excessive_permissions},
    // reliability
    {"advisor.group_stale", "reliability", "medium", Source::organizations, false,
     "The linked group has not been synced for long",
     "See what became of its runs with 'rollcall runs list --org ORG'; sync it with 'rollcall sync ORG', or "
     "unlink a group that is no longer wanted.",
     stale_groups},
    {"advisor.drift_overdue",
     "reliability",
     "high",
     {Source::organizations, Source::schedules},
     false,
     "Roster and group differ for longer than the schedule allows",
     "See that member-sync and the schedule run ('rollcall workers list', 'rollcall schedules list'), and "
     "what became of the organization's runs: 'rollcall runs list --org ORG'.",
     overdue_drift},
    {"advisor.sync_unscheduled",
     "reliability",
     "medium",
     {Source::organizations, Source::schedules},
     true,
     "No schedule syncs some of the linked groups",
     "Add one for all: rollcall schedules add --name sync --worker member-sync --operation sync-members "
     "--every 15m",
     unscheduled_syncs},
    {"advisor.groups_unchecked", "reliability", "low", Source::organizations, true,
     "Nobody looks whether some of the linked groups are in order",
     "See that rollcall-group-health runs ('rollcall workers list') and has a schedule: rollcall schedules "
     "add "
     "--name health --worker group-health --operation check-groups --every 6h",
     unchecked_groups},
    {"advisor.runs_failing", "reliability", "high", Source::histories, false,
     "Runs of the organization fail time and again",
     "'rollcall runs show RUN' says why and what to do about it; then 'rollcall runs retry RUN'.",
     failing_runs},
    {"advisor.dead_letters", "reliability", "medium", Source::dead_letters, true,
     "Messages could not be served",
     "'rollcall dead list TOPIC' says why; mend the cause, then 'rollcall dead replay --all TOPIC'.",
     dead_letters},
    {"advisor.permissions_missing", "reliability", "high", Source::permissions, true,
     "The app lacks permissions that Rollcall needs",
     "Grant them to the app in Entra ID, and consent as an administrator.", missing_permissions},
    {"advisor.grant_expiring", "reliability", "medium", Source::grants, true,
     "What people granted is not renewed, and will lapse",
     "See that rollcall-token-renewal runs with ROLLCALL_VAULT_KEYS and that its schedule fires: 'rollcall "
     "workers list', 'rollcall schedules list', 'rollcall vault keys'. 'rollcall renew grants --wait' says "
     "why "
     "it fails.",
     expiring_grants},
    // cost
    {"advisor.full_reads_frequent", "cost", "low", Source::schedules, true,
     "A schedule reads whole groups more often than is of use",
     "Full reads spend quota for what deltas tell anyway: add the schedule anew without full_read, or fire "
     "it less often.",
     frequent_full_reads},
    // performance
    {"advisor.runs_starving", "performance", "high", Source::queues, true, "Queued runs wait for a worker",
     "Start the worker, or more of it, or resume it: 'rollcall workers list' shows who works.",
     starving_runs},
    {"advisor.throttling", "performance", "medium", Source::traffic, true,
     "Microsoft Graph throttles Rollcall",
     "See who else uses the tenant's quota; spread the schedules, or lower ROLLCALL_GRAPH_RESOURCE_UNITS and "
     "ROLLCALL_GRAPH_WRITES to what Microsoft grants.",
     throttling},
    // operations
    {"advisor.approval_waiting", "operations", "medium", Source::approvals, false,
     "A plan has been waiting for approval for long",
     "Look at it with 'rollcall runs show RUN', then 'rollcall runs approve RUN' or 'rollcall runs reject "
     "RUN'.",
     waiting_approvals},
    {"advisor.addresses_unresolved", "operations", "low", Source::histories, false,
     "Addresses of the roster have no account, or several",
     "'rollcall runs show RUN' lists them with their cures: correct the roster, or create or invite the "
     "people.",
     unresolved_addresses},
    {"advisor.schedule_paused", "operations", "medium", Source::schedules, true,
     "A schedule has been paused for long", "Resume it with 'rollcall schedules resume NAME', or remove it.",
     paused_schedules},
    {"advisor.worker_paused", "operations", "high", Source::pauses, true,
     "A kind of worker has been paused for long", "Resume it with 'rollcall workers resume KIND'.",
     paused_workers},
    {"advisor.application_hidden", "operations", "low", Source::application, true,
     "When the app's secrets expire cannot be seen",
     "Grant the app the application permission Application.Read.All, or watch them yourself in Entra ID.",
     hidden_application},
});

}  // namespace

std::span<const Rule> all_rules() {
  return rules;
}

const Rule* find_rule(std::string_view id) {
  const auto found = std::ranges::find(rules, id, &Rule::id);
  return found == rules.end() ? nullptr : &*found;
}

std::optional<std::vector<Found>> judge(const Rule& rule, const Snapshot& snapshot, const Limits& limits) {
  if (!snapshot.read.has(rule.sources) || (rule.tenant && snapshot.organization)) return std::nullopt;
  return rule.find(snapshot, limits);
}

const char* to_string(Source source) {
  switch (source) {
    case Source::organizations:
      return "organizations";
    case Source::histories:
      return "histories";
    case Source::approvals:
      return "approvals";
    case Source::queues:
      return "queues";
    case Source::traffic:
      return "traffic";
    case Source::schedules:
      return "schedules";
    case Source::pauses:
      return "pauses";
    case Source::dead_letters:
      return "dead_letters";
    case Source::audit:
      return "audit";
    case Source::certificate:
      return "certificate";
    case Source::application:
      return "application";
    case Source::permissions:
      return "permissions";
    case Source::grants:
      return "grants";
  }
  return "";
}

}  // namespace rollcall::advisor_scan
