#include "ops/cli/tree.h"

namespace rollcall::cli {

void Tree::organizations() {
  auto& org = group("org", "Organizations and their groups.");
  auto& add = leaf(org, "add", "Adds an organization and prints its id.",
                   "rollcall org add --name Contoso --group 1b2d4c1e-0000-4000-8000-000000000001");
  add.add_option("--name", a_.name, "Its name")->required();
  add.add_option("--group", a_.group, "Object id of its Microsoft 365 group");
  leaf(org, "list", "Lists all organizations.", "rollcall org list");
  organization(leaf(org, "show", "Shows one organization.", "rollcall org show Contoso"));
  auto& link = leaf(org, "link", "Links a Microsoft 365 group; one that another organization has is refused.",
                    "rollcall org link Contoso 1b2d4c1e-0000-4000-8000-000000000001");
  organization(link);
  link.add_option("GUID", a_.group, "Object id of the group")->required();
  organization(
      leaf(org, "unlink", "Unlinks the group; nobody is removed from it.", "rollcall org unlink Contoso"));
  auto& relink = leaf(org, "relink",
                      "Links the group that the organization had before; restores it where it was deleted.",
                      "rollcall org relink Contoso\n\nExit 4 where the group is gone for good.");
  organization(relink);
  timeout(relink);

  auto& roster = group("roster", "Who should be in the group.");
  auto& import = leaf(
      roster, "import", "Makes a CSV file the whole roster of an organization.",
      "rollcall roster import Contoso people.csv\n  people.csv:  email,display_name,role,object_id\n"
      "               ada@contoso.com,Ada Lovelace,admin,\n\n"
      "The columns may stand in any order; object_id is optional (without the column, known ids stay).\n"
      "People whom the file does not name depart. With any mistake in the file, nothing is changed (exit "
      "2).");
  organization(import);
  import.add_option("FILE", a_.file, "The CSV file, or - for standard input")->required();
  organization(leaf(roster, "show", "Shows who is on the roster.", "rollcall roster show Contoso"));

  auto& policy = group("policy", "What happens to people in the group who are not on the roster.");
  organization(policy);
  leaf(policy, "show", "Shows the policy.", "rollcall policy Contoso show");
  auto& set =
      leaf(policy, "set", "Changes the policy.", "rollcall policy Contoso set --removal remove-departed");
  set.add_option("--removal", a_.removal,
                 "keep: only flag; remove-departed: only people once on the roster; mirror: the roster is "
                 "the whole truth")
      ->required()
      ->check(CLI::IsMember({"keep", "remove-departed", "mirror"}));
}

void Tree::synchronization() {
  auto& sync = leaf(app_, "sync", "Brings groups in line with their rosters.",
                    "rollcall sync Contoso --wait\n  rollcall sync --all\n\n"
                    "With --wait: exit 0 succeeded, 1 failed or cancelled, 4 someone must approve first.");
  sync.add_option("ORG", a_.organization, "Organization: id or unique name");
  sync.add_flag("--all", a_.all, "Every organization with a group");
  sync.add_flag("--dry-run", a_.dry_run, "Plan only, change nothing");
  full_read(sync);
  sync.add_flag("--wait", a_.wait, "Wait for the end and show the result");
  timeout(sync);
  auto& health =
      leaf(app_, "health", "Looks at linked groups now; without ORG or --all, shows what is known of them.",
           "rollcall health\n  rollcall health Contoso --wait\n  rollcall health --all --wait");
  health.add_flag("--all", a_.all, "Every organization with a group")
      ->excludes(health.add_option("ORG", a_.organization, "Organization: id or unique name"));
  health.add_flag("--wait", a_.wait, "Wait for the end and show the result");
  timeout(health);
  auto& renew = leaf(app_, "renew", "Renews now what people granted, or the subscription at Microsoft Graph.",
                     "rollcall renew grants --wait\n  rollcall renew subscriptions --wait");
  renew.add_option("WHAT", a_.name, "grants or subscriptions")
      ->required()
      ->check(CLI::IsMember({"grants", "subscriptions"}));
  renew.add_flag("--wait", a_.wait, "Wait for the end and show the result");
  timeout(renew);
  auto& plan = leaf(app_, "plan", "Shows what a sync would do, and does nothing.",
                    "rollcall plan Contoso --out plan.json");
  organization(plan);
  plan.add_option("--out", a_.out, "Also write the plan as JSON to this file");
  full_read(plan);
  timeout(plan);
}

void Tree::runs() {
  auto& runs = group("runs", "What was asked for and what came of it.");
  auto& list = leaf(runs, "list", "Lists the newest runs.", "rollcall runs list --state needs_approval");
  list.add_option("--org", a_.organization, "Only of this organization: id or unique name");
  list.add_option("--state", a_.state, "Only in this state")
      ->check(CLI::IsMember(
          {"queued", "running", "waiting", "needs_approval", "succeeded", "failed", "cancelled", "pending"}));
  list.add_flag("--calls", a_.calls, "The calls of agents in place of what workers do");
  limit(list);
  run(leaf(runs, "show", "Shows a run: state, events, attempts, result, plan.", "rollcall runs show RUN"));
  auto& watch =
      leaf(runs, "watch", "Follows a run to its end; exit codes as sync --wait.", "rollcall runs watch RUN");
  run(watch);
  timeout(watch);
  run(leaf(runs, "approve", "Lets a run that waits for approval go on with the plan shown.",
           "rollcall runs approve RUN"));
  run(leaf(runs, "reject", "Ends a run that waits for approval; nothing is changed.",
           "rollcall runs reject RUN"));
  run(leaf(runs, "cancel",
           "Ends a run: at once where it waits, at its worker's next checkpoint where it runs.",
           "rollcall runs cancel RUN\n\nWhat a running run has done by then stays done."));
  run(leaf(runs, "retry", "Starts a failed or cancelled run anew, under the same id.",
           "rollcall runs retry RUN"));
}

void Tree::schedules() {
  auto& schedules = group("schedules", "What starts by the clock.");
  leaf(schedules, "list", "Lists schedules by name.", "rollcall schedules list")
      .add_option("--limit", a_.max, "At most so many (default 10000)")
      ->check(CLI::Range(1L, 2'000'000L));
  schedule(leaf(schedules, "show", "Shows a schedule, its pause and its next due times.",
                "rollcall schedules show nightly"));
  auto& add = leaf(schedules, "add", "Adds a schedule.",
                   "rollcall schedules add --name nightly --worker member-sync --operation sync-members"
                   " --cron \"0 3 * * *\" --zone Europe/Berlin");
  add.add_option("--name", a_.name, "A name of its own")->required();
  add.add_option("--worker", a_.worker, "Whom it wakes, as member-sync")->required();
  add.add_option("--operation", a_.operation, "What is to be done, as sync-members")->required();
  auto* cron = add.add_option("--cron", a_.cron, "Minute, hour, day, month, weekday, as crontab(5)");
  cron->excludes(add.add_option("--every", a_.every, "30s, 15m, 2h, 1d"));
  add.add_option("--zone", a_.zone, "IANA time zone of --cron")->capture_default_str();
  add.add_option("--offset", a_.offset,
                 "With --every: due so long after each multiple of it since 1970, UTC");
  add.add_option("--parameters", a_.parameters, "JSON object handed to the worker");
  add.add_option("--overlap", a_.overlap,
                 "While the previous tick is open: skip (default), buffer_one or allow_all");
  add.add_option("--catch-up", a_.catch_up, "Due times missed by more are left out (default 1d)");
  add.add_option("--jitter", a_.jitter, "Fire up to so much after the due time");
  add.add_option("--until", a_.until, "No due time after this, as 2026-12-31T00:00:00Z");
  add.add_option("--ticks", a_.ticks, "End after so many ticks")->check(CLI::Range(1L, 1'000'000'000L));
  auto& pause = leaf(schedules, "pause", "Stops a schedule until it is resumed.",
                     "rollcall schedules pause nightly --note \"move\"");
  schedule(pause);
  pause.add_option("--note", a_.note, "Why, for whoever looks next");
  schedule(leaf(schedules, "resume", "Starts a paused schedule again; what was missed is not made up.",
                "rollcall schedules resume nightly"));
  schedule(leaf(schedules, "remove", "Removes a schedule.", "rollcall schedules remove nightly"));
  auto& trigger = leaf(schedules, "trigger", "Fires a schedule now, also a paused one.",
                       "rollcall schedules trigger nightly");
  schedule(trigger);
  trigger.add_option("--overlap", a_.overlap,
                     "While the previous tick is open: allow_all (default), buffer_all or skip");
  auto& backfill =
      leaf(schedules, "backfill", "Fires the due times of a range, each once.",
           "rollcall schedules backfill nightly --from 2026-11-01T00:00:00Z --to 2026-11-07T23:59:59Z");
  schedule(backfill);
  backfill.add_option("--from", a_.from, "First time, in UTC")->required();
  backfill.add_option("--to", a_.to, "Last time, in UTC, not in the future")->required();
  backfill.add_option("--overlap", a_.overlap,
                      "allow_all (default): all at once; buffer_all: each after the one before has finished");
}

}  // namespace rollcall::cli
