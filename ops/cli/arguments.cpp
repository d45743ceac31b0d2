#include "ops/cli/arguments.h"

#include "ops/cli/complaint.h"

#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>

namespace rollcall::cli {
namespace {

constexpr const char* settings_help =
    "Settings come from the environment:\n"
    "  DATABASE_URL        PostgreSQL, postgresql://user@host/database\n"
    "  KAFKA_BROKERS       host:port,…\n"
    "  MS_AUTH_TENANT_ID   Entra tenant; also the tenant of new organizations (default: default)\n"
    "  MS_AUTH_CLIENT_ID, MS_AUTH_SECRET or MS_AUTH_CERTIFICATE, MS_AUTH_AUTHORITY, MS_GRAPH_URL, "
    "ROLLCALL_CA_FILE: for doctor and sandbox\n"
    "'ops/run --detach' writes them to .rollcall/env.\n\n"
    "Every command takes --json. Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 not "
    "reachable.";

/// The tree of commands: one method per noun. Holds references into the Arguments that parsing fills.
class Tree {
 public:
  explicit Tree(Arguments& arguments) : a_(arguments) {
    app_.name("rollcall");
    app_.description(
        "Keeps Microsoft 365 groups true to an organization's roster: the operator's command line.");
    app_.footer(settings_help);
    app_.set_version_flag("--version", "rollcall " ROLLCALL_VERSION);
    app_.require_subcommand(1, 1);
    json(app_);
    leaf(app_, "doctor", "Checks settings, PostgreSQL, Kafka, the token endpoint and Microsoft Graph.",
         "rollcall doctor");
    leaf(app_, "migrate", "Brings the database's tables up to date; safe to repeat.", "rollcall migrate");
    organizations();
    synchronization();
    runs();
    schedules();
    workers();
    topics();
    dead();
    audit();
    findings();
    vault();
    sandbox();
  }

  CLI::App& app() { return app_; }

 private:
  void organizations() {
    auto& org = group("org", "Organizations and their groups.");
    auto& add = leaf(org, "add", "Adds an organization and prints its id.",
                     "rollcall org add --name Contoso --group 1b2d4c1e-0000-4000-8000-000000000001");
    add.add_option("--name", a_.name, "Its name")->required();
    add.add_option("--group", a_.group, "Object id of its Microsoft 365 group");
    leaf(org, "list", "Lists all organizations.", "rollcall org list");
    organization(leaf(org, "show", "Shows one organization.", "rollcall org show Contoso"));
    auto& link =
        leaf(org, "link", "Links a Microsoft 365 group; one that another organization has is refused.",
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

  void synchronization() {
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
    auto& renew =
        leaf(app_, "renew", "Renews now what people granted, or the subscription at Microsoft Graph.",
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

  void runs() {
    auto& runs = group("runs", "What was asked for and what came of it.");
    auto& list = leaf(runs, "list", "Lists the newest runs.", "rollcall runs list --state needs_approval");
    list.add_option("--org", a_.organization, "Only of this organization: id or unique name");
    list.add_option("--state", a_.state, "Only in this state")
        ->check(CLI::IsMember(
            {"queued", "running", "waiting", "needs_approval", "succeeded", "failed", "cancelled"}));
    limit(list);
    run(leaf(runs, "show", "Shows a run: state, events, attempts, result, plan.", "rollcall runs show RUN"));
    auto& watch = leaf(runs, "watch", "Follows a run to its end; exit codes as sync --wait.",
                       "rollcall runs watch RUN");
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

  void schedules() {
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
    backfill.add_option(
        "--overlap", a_.overlap,
        "allow_all (default): all at once; buffer_all: each after the one before has finished");
  }

  void workers() {
    auto& workers = group("workers", "Who works, and which kinds are paused.");
    leaf(workers, "list", "Lists the kinds of worker with their processes.", "rollcall workers list");
    auto& pause = leaf(workers, "pause",
                       "Stops a kind of worker from claiming runs; what it holds already it finishes.",
                       "rollcall workers pause member-sync --note \"directory migration\"");
    kind(pause);
    pause.add_option("--note", a_.note, "Why, for whoever looks next");
    kind(leaf(workers, "resume", "Lets a paused kind of worker claim runs again.",
              "rollcall workers resume member-sync"));
  }

  void topics() {
    auto& topics = group("topics", "Kafka's topics.");
    auto& create = leaf(topics, "create", "Creates the topics that are missing.",
                        "rollcall topics create --partitions 8 --replication 3");
    create.add_option("--partitions", a_.partitions, "Of each topic")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    create.add_option("--replication", a_.replication, "Copies of each partition")
        ->check(CLI::Range(1, 9))
        ->capture_default_str();
    leaf(topics, "list", "Lists the topics.", "rollcall topics list");
    auto& tail = leaf(topics, "tail", "Shows messages as they come, one a line.",
                      "rollcall topics tail rollcall.runs --from-start --max 10");
    tail.add_option("TOPIC", a_.topic, "Its name")->required();
    tail.add_flag("--from-start", a_.from_start, "From the oldest message on");
    tail.add_option("--max", a_.max, "End after so many")->check(CLI::Range(1L, 1'000'000'000L));
    timeout(tail);
  }

  void dead() {
    auto& dead = group("dead", "Messages that could not be served, kept on <topic>.dead.");
    auto& list = leaf(dead, "list", "Lists the newest dead letters.", "rollcall dead list rollcall.audit");
    list.add_option("TOPIC", a_.topic, "Only of this topic, or of this dead-letter topic");
    limit(list);
    leaf(dead, "show", "Shows a dead letter: why, from where, headers, value.",
         "rollcall dead show rollcall.audit.dead:0:17")
        .add_option("ID", a_.letters, "As 'rollcall dead list' shows it")
        ->required()
        ->expected(1);
    auto& replay = leaf(dead, "replay", "Sends dead letters back to the topic they came from.",
                        "rollcall dead replay rollcall.audit.dead:0:17\n"
                        "  rollcall dead replay --all rollcall.audit --reason schema_violation\n\n"
                        "Exit 4 where one of the ids was sent back already; --all passes over such ones.");
    auto* ids = replay.add_option("ID", a_.letters, "As 'rollcall dead list' shows them");
    auto* all = replay.add_option("--all", a_.topic, "Every dead letter of this topic")->excludes(ids);
    replay.add_option("--reason", a_.reason, "Of --all: only those that died of this reason code")
        ->needs(all);
    replay.add_flag("--force", a_.force, "Also what was sent back already");
    replay.add_flag("--dry-run", a_.dry_run, "Say what would be sent back, and send nothing");
  }

  void audit() {
    auto& audit = group("audit", "What was changed, by whom.");
    auto& list =
        leaf(audit, "list", "Lists the newest audit events.", "rollcall audit list --org Contoso --limit 50");
    list.add_option("--org", a_.organization, "Only of this organization: id or unique name");
    list.add_option("--run", a_.run, "Only of this run");
    limit(list);
    auto& exported = leaf(audit, "export", "Writes events as JSON lines, the oldest first.",
                          "rollcall audit export --org Contoso --since 2026-11-01T00:00:00Z > audit.jsonl");
    exported.add_option("--org,--organization", a_.organization,
                        "Only of this organization: id or unique name");
    exported.add_option("--since", a_.from, "Only what happened from then on, as 2026-11-01T00:00:00Z");
    exported.add_option("--until", a_.to, "Only what happened before then");
    auto& verify =
        leaf(audit, "verify", "Finds what was changed in, taken from or put into the audit trail.",
             "rollcall audit verify\n  rollcall audit verify --since 2026-11-01T00:00:00Z --json\n\n"
             "Exit 0: nothing is wrong; 1: what is wrong is listed; 5: nothing is wrong as far as it "
             "could be looked at, but Kafka could not be asked.");
    verify.add_option("--since", a_.from, "Only what was sealed from then on, as 2026-11-01T00:00:00Z");
    verify.add_flag("--without-kafka", a_.without_kafka,
                    "Do not ask for published roots, nor whether events are still on their way");
    auto& erase =
        leaf(audit, "erase", "Erases a person from the audit trail; it still verifies.",
             "rollcall audit erase 1b2d4c1e-0000-4000-8000-000000000001 --reason \"request 4711\"\n\n"
             "What is erased cannot be brought back. Name no person in the reason: it is kept.");
    erase.add_option("PERSON", a_.user, "Object id of the person")->required();
    erase.add_option("--reason", a_.reason, "Why; kept for good")->required();
  }

  void findings() {
    auto& findings = group("findings", "What somebody should look at.");
    auto& list = leaf(findings, "list", "Lists findings, the newest first.",
                      "rollcall findings list --severity high --org Contoso");
    list.add_option("--org", a_.organization, "Only of this organization: id or unique name");
    list.add_option("--state", a_.state, "open (default), acknowledged, dismissed, resolved or all")
        ->check(CLI::IsMember({"open", "acknowledged", "dismissed", "resolved", "all"}));
    list.add_option("--pillar", a_.pillar, "Only of this pillar")
        ->check(CLI::IsMember({"security", "reliability", "cost", "performance", "operations"}));
    list.add_option("--severity", a_.severity, "low, medium, high or critical")
        ->check(CLI::IsMember({"low", "medium", "high", "critical"}));
    list.add_option("--rule", a_.rule, "Only what this rule found");
    limit(list);
    finding(leaf(findings, "show", "Shows a finding and what to do about it.", "rollcall findings show ID"));
    decision(leaf(findings, "ack", "Someone takes care of it.", "rollcall findings ack ID --why ordered"));
    decision(leaf(findings, "dismiss", "It is as it should be, for good or until a time.",
                  "rollcall findings dismiss ID --why \"a test group\" --until 2026-12-31T00:00:00Z"));
    auto& scan = leaf(app_, "scan", "Looks for findings now.", "rollcall scan --wait");
    scan.add_option("ORG", a_.organization, "Only this organization: id or unique name");
    scan.add_flag("--wait", a_.wait, "Wait for the end and show the result");
    timeout(scan);
  }

  void vault() {
    auto& vault = group("vault", "The keys that people's tokens are sealed under (ROLLCALL_VAULT_KEYS).");
    leaf(vault, "keys", "Lists the keys, and how many grants each seals.", "rollcall vault keys");
    leaf(vault, "rotate", "Seals all grants anew under the first key; safe to repeat.", "rollcall vault rotate");
  }

  void sandbox() {
    auto& sandbox = group("sandbox", "The stand-in for Microsoft 365 at MS_GRAPH_URL.");
    leaf(sandbox, "reset", "Empties the sandbox: groups, people, counters.", "rollcall sandbox reset");
    leaf(sandbox, "stats", "Shows what the sandbox counted: requests, units, 429s.",
         "rollcall sandbox stats --json");
    auto& token = leaf(sandbox, "token", "Prints an access token for Rollcall's own API.",
                       "rollcall sandbox token --user ada@contoso.example --role Rollcall.Admin\n"
                       "  rollcall sandbox token --app --role Rollcall.Admin --lifetime 60\n\n"
                       "Unless options say so, MS_AUTH_TENANT_ID, MS_AUTH_CLIENT_ID, "
                       "ROLLCALL_API_AUDIENCE and ROLLCALL_API_SCOPE say from where and for what it is.");
    auto* app = token.add_flag("--app", a_.application, "The application's own: no person, roles only");
    token.add_option("--user", a_.user, "User principal name or object id (default: the first)")
        ->excludes(app);
    token.add_option("--scope", a_.scopes, "Repeatable (default: access_as_user)")->excludes(app);
    token.add_option("--role", a_.roles, "App role; repeatable");
    token.add_option("--audience", a_.audience, "What it is for (default: the API's)");
    token.add_option("--client", a_.client, "The program that calls: its client id (azp)");
    token.add_option("--tenant", a_.tenant, "The tenant's GUID (tid)");
    token.add_option("--lifetime", a_.lifetime_seconds, "Seconds until it ends; may be negative")
        ->check(CLI::Range(-31'536'000L, 31'536'000L))
        ->capture_default_str();
  }

  CLI::App& group(const std::string& name, const std::string& purpose) {
    auto& sub = *app_.add_subcommand(name, purpose);
    // Exactly one, and no more: so that an organization named "list" is not taken for a command.
    sub.require_subcommand(1, 1);
    json(sub);
    return sub;
  }
  CLI::App& leaf(CLI::App& parent, const std::string& name, const std::string& purpose,
                 const std::string& example) {
    auto& sub = *parent.add_subcommand(name, purpose);
    sub.footer("Example:\n  " + example);
    json(sub);
    const std::string command = &parent == &app_ ? name : parent.get_name() + " " + name;
    sub.callback([this, command] { a_.command = command; });
    return sub;
  }
  /// For the help text; take_json_flag() has taken the flag out before the parser looks.
  void json(CLI::App& app) { app.add_flag("--json", a_.json, "Print JSON instead of text"); }
  void organization(CLI::App& app) {
    app.add_option("ORG", a_.organization, "Organization: id or unique name")->required();
  }
  void run(CLI::App& app) { app.add_option("RUN", a_.run, "Id of the run (job_id)")->required(); }
  void kind(CLI::App& app) {
    app.add_option("KIND", a_.worker, "Kind of worker, as member-sync")->required();
  }
  void schedule(CLI::App& app) { app.add_option("NAME", a_.name, "Name of the schedule")->required(); }
  void finding(CLI::App& app) {
    app.add_option("ID", a_.finding, "As 'rollcall findings list' shows it")->required();
  }
  void decision(CLI::App& app) {
    finding(app);
    app.add_option("--why", a_.why, "For whoever looks next")->required();
    app.add_option("--until", a_.until, "Then it counts as open again, as 2026-12-31T00:00:00Z");
  }
  void full_read(CLI::App& app) {
    app.add_flag("--full-read", a_.full_read, "Read the whole group, not only what changed");
  }
  void limit(CLI::App& app) {
    app.add_option("--limit", a_.limit, "At most so many")
        ->check(CLI::Range(1L, 100'000L))
        ->capture_default_str();
  }
  void timeout(CLI::App& app) {
    app.add_option("--timeout", a_.timeout_seconds, "Stop waiting after so many seconds")
        ->check(CLI::Range(1L, 604'800L));
  }

  Arguments& a_;
  CLI::App app_;
};

}  // namespace

bool take_json_flag(std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, "--");
  const auto rest = std::remove(words.begin(), end, "--json");
  const bool found = rest != end;
  words.erase(rest, end);
  return found;
}

std::optional<Arguments> parse_arguments(std::vector<std::string> words, bool json, std::ostream& out) {
  Arguments arguments;
  arguments.json = json;
  Tree tree(arguments);
  if (words == std::vector<std::string>{"help"}) words = {"--help"};
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    tree.app().parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      tree.app().exit(error, out, out);
      return std::nullopt;
    }
    const std::string command = words_of(tree.app());
    throw Failure(usage, "usage", complaint(tree.app(), error), "See '" + command + " --help'.");
  }
  if (arguments.command == "sync" && arguments.organization.empty() != arguments.all)
    throw Failure(usage, "usage", "sync needs an organization or --all, one of the two",
                  "See 'rollcall sync --help'.");
  if (arguments.command == "dead replay" && arguments.letters.empty() && arguments.topic.empty())
    throw Failure(usage, "usage", "dead replay needs ids or --all TOPIC",
                  "See 'rollcall dead replay --help'.");
  if (arguments.command == "schedules add" && arguments.cron.empty() && arguments.every.empty())
    throw Failure(usage, "usage", "schedules add needs --cron or --every",
                  "See 'rollcall schedules add --help'.");
  return arguments;
}

}  // namespace rollcall::cli
