#include "workers/front/mcp/tool_rows.h"

namespace rollcall::front::mcp {
namespace {

// In the order in which tools/list gives them. Descriptions are for a model that chooses among them.

const std::vector<ToolRow>& group_rows() {
  static const std::vector<ToolRow> rows{
      {"list_organizations", "List organizations",
       "Lists the organizations that the caller may see, with their id, name, linked Microsoft 365 group and "
       "roster "
       "size. Start here to find an organization's id by its name.",
       "list_organizations"},
      {"get_organization", "Get an organization",
       "One organization: its linked group, removal policy, and how many people are on its roster.",
       "get_organization"},
      {"get_group_status", "Status of the linked group",
       "Whether the organization is linked to a Microsoft 365 group, whether that group is healthy, how many "
       "members it "
       "has, when it was last synced, and what stands in the way.",
       "get_microsoft_status"},
      {"get_group", "Get the linked group",
       "Name, address, kind and size of the organization's Microsoft 365 group.", "get_microsoft_group"},
      {"list_group_members", "List members of the group",
       "The people who are in the organization's Microsoft 365 group now. Compare with list_roster to see "
       "who should be.",
       "list_microsoft_members"},
      {"list_roster", "List the roster",
       "The people who should be in the organization's group, with role and how their address was resolved.",
       "list_roster"},
      {"preview_drift",
       "Preview drift",
       "Starts a dry run: works out who would be added to and removed from the group, and changes nobody. "
       "Give "
       "wait_seconds to have the result with the answer; else ask get_job for the job's result.",
       "sync_microsoft_members",
       Effect::starts,
       false,
       false,
       true,
       {{"dry_run", true}}},
      {"sync_group_members",
       "Sync the group with the roster",
       "Starts a job that makes the group's members match the roster: people may be added and, by the "
       "organization's "
       "removal policy, removed. Preview with preview_drift first. Guards may stop it at needs_approval.",
       "sync_microsoft_members",
       Effect::removes,
       true,
       false,
       true,
       {{"dry_run", false}}},
      {"add_group_member", "Add one person to the group",
       "Adds one person to the organization's group, by address or object id; does nothing where they are in "
       "it.",
       "add_microsoft_member", Effect::changes, true},
      {"remove_group_member", "Remove one person from the group",
       "Removes one person from the organization's group. Where they stay on the roster, the next sync adds "
       "them again.",
       "remove_microsoft_member", Effect::removes, true},
  };
  return rows;
}

const std::vector<ToolRow>& job_rows() {
  static const std::vector<ToolRow> rows{
      {"list_jobs", "List jobs",
       "Jobs (runs) that the caller may see, newest first: syncs, previews, scans, with state, progress and "
       "result.",
       "list_jobs"},
      {"get_job", "Get a job",
       "One job: its state, progress, result or error with what to do about it, and the digest of a plan "
       "that waits for "
       "approval.",
       "get_job"},
      {"cancel_job", "Cancel a job",
       "Cancels a job: at once where it has not begun, else at its next checkpoint.", "cancel_job",
       Effect::removes, true},
      {"retry_job", "Try a job again", "Tries a failed or cancelled job again, from its beginning.",
       "retry_job", Effect::removes},
      {"approve_job", "Approve a plan",
       "Approves the plan that a job waits with, by the plan's digest from get_job: the job goes on and "
       "carries it out, "
       "removals included. Only when a person has said so.",
       "approve_job", Effect::removes, true},
      {"reject_job", "Reject a plan",
       "Rejects the plan that a job waits with: the job ends, and nothing is changed.", "reject_job",
       Effect::changes, true},
  };
  return rows;
}

const std::vector<ToolRow>& finding_rows() {
  static const std::vector<ToolRow> rows{
      {"list_findings", "List findings",
       "What someone should look at, newest first: by pillar and severity, with evidence and remedy.",
       "list_findings"},
      {"get_finding", "Get a finding",
       "One finding with its evidence, remedy and who has decided what about it.", "get_finding"},
      {"acknowledge_finding", "Acknowledge a finding",
       "Records that someone has seen a finding and takes care of it, and why.", "take_finding",
       Effect::changes, true},
      {"dismiss_finding", "Dismiss a finding",
       "Records that a finding is as it should be, and why: it is not shown as open, for good or until a "
       "time.",
       "dismiss_finding", Effect::changes, true},
      {"scan_organization", "Look for findings",
       "Starts a job that looks for findings in the organization. Give wait_seconds to wait for its end.",
       "scan_organization", Effect::starts, false, false, true},
      {"list_audit", "List the audit trail",
       "Who did what and when, newest first: changes of membership and settings, by organization, job, "
       "action, actor or "
       "member.",
       "list_audit"},
  };
  return rows;
}

const std::vector<ToolRow>& service_rows() {
  static const std::vector<ToolRow> rows{
      {"list_schedules", "List schedules",
       "What runs by itself: when each schedule is due next, and whether it is paused.", "list_schedules"},
      {"get_schedule", "Get a schedule", "One schedule with when it is due next.", "get_schedule"},
      {"trigger_schedule", "Run a schedule now", "Has a schedule run now, besides when it is due.",
       "trigger_schedule", Effect::removes},
      {"pause_schedule", "Pause a schedule", "Keeps a schedule from running until it is resumed.",
       "pause_schedule", Effect::changes, true},
      {"resume_schedule", "Resume a schedule", "Lets a paused schedule run again.", "resume_schedule",
       Effect::changes, true},
      {"get_throttle", "Throttling by Microsoft Graph",
       "How much of Microsoft Graph's quota is left, who holds it, and who must wait until when.",
       "get_throttle"},
      {"list_workers", "List workers", "The kinds of worker, their processes, and whether a kind is paused.",
       "list_workers"},
      {"pause_worker", "Pause a kind of worker", "Has a kind of worker take no new jobs until it is resumed.",
       "pause_worker", Effect::changes, true},
      {"resume_worker", "Resume a kind of worker", "Has a paused kind of worker take jobs again.",
       "resume_worker", Effect::changes, true},
      {"list_connections", "List connections",
       "Which of the caller's own mail, files and calendar are connected, and how.", "list_connections"},
  };
  return rows;
}

}  // namespace

std::vector<ToolRow> tool_rows() {
  std::vector<ToolRow> all;
  for (const auto* area : {&group_rows(), &job_rows(), &finding_rows(), &service_rows(), &connector_rows()})
    all.insert(all.end(), area->begin(), area->end());
  return all;
}

}  // namespace rollcall::front::mcp
