#include "ops/cli/tree.h"

namespace rollcall::cli {

void Tree::workers() {
  auto& workers = group("workers", "Who works, and which kinds are paused.");
  leaf(workers, "list", "Lists the kinds of worker with their processes.", "rollcall workers list");
  auto& pause =
      leaf(workers, "pause", "Stops a kind of worker from claiming runs; what it holds already it finishes.",
           "rollcall workers pause member-sync --note \"directory migration\"");
  kind(pause);
  pause.add_option("--note", a_.note, "Why, for whoever looks next");
  kind(leaf(workers, "resume", "Lets a paused kind of worker claim runs again.",
            "rollcall workers resume member-sync"));
}

void Tree::topics() {
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

void Tree::dead() {
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
  replay.add_option("--reason", a_.reason, "Of --all: only those that died of this reason code")->needs(all);
  replay.add_flag("--force", a_.force, "Also what was sent back already");
  replay.add_flag("--dry-run", a_.dry_run, "Say what would be sent back, and send nothing");
}

void Tree::audit() {
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
  auto& erase = leaf(audit, "erase", "Erases a person from the audit trail; it still verifies.",
                     "rollcall audit erase 1b2d4c1e-0000-4000-8000-000000000001 --reason \"request 4711\"\n\n"
                     "What is erased cannot be brought back. Name no person in the reason: it is kept.");
  erase.add_option("PERSON", a_.user, "Object id of the person")->required();
  erase.add_option("--reason", a_.reason, "Why; kept for good")->required();
}

void Tree::findings() {
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

void Tree::vault() {
  auto& vault = group("vault", "The keys that people's tokens are sealed under (ROLLCALL_VAULT_KEYS).");
  leaf(vault, "keys", "Lists the keys, and how many grants each seals.", "rollcall vault keys");
  leaf(vault, "rotate", "Seals all grants anew under the first key; safe to repeat.",
       "rollcall vault rotate");
}

void Tree::manifest() {
  auto& manifest = group("manifest", "The Microsoft 365 Copilot agent, generated from schemas/agent.");
  auto& build = leaf(manifest, "build", "Writes the agent's manifests and its app package.",
                     "rollcall manifest build\n"
                     "  rollcall manifest build --environment ours --out dist\n"
                     "  rollcall manifest build --environment ours --set "
                     "base_url=https://rollcall.fabrikam.example --out dist\n\n"
                     "Without options it writes what is committed, schemas/agent/generated. The same sources "
                     "give the same bytes.");
  auto& check = leaf(manifest, "check", "Finds mistakes in the sources, and drift of what is committed.",
                     "rollcall manifest check\n\n"
                     "Exit 0: nothing is wrong; 1: what is wrong is listed, one mistake a line.");
  for (auto* command : {&build, &check})
    command->add_option("--sources", a_.sources, "Folder of the sources (default: schemas/agent)");
  build.add_option("--environment", a_.environment, "Values of environments/NAME.yaml");
  build.add_option("--set", a_.set, "NAME=VALUE, over the environment's; repeatable")
      ->allow_extra_args(false);
  build.add_option("--out", a_.out, "Folder to write to; created where it is not there");
  check.add_option("--published", a_.published,
                   "Folder of Microsoft's published JSON schemas: hold the manifests against them too");
}

void Tree::sandbox() {
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
  token.add_option("--user", a_.user, "User principal name or object id (default: the first)")->excludes(app);
  token.add_option("--scope", a_.scopes, "Repeatable (default: access_as_user)")->excludes(app);
  token.add_option("--role", a_.roles, "App role; repeatable");
  token.add_option("--audience", a_.audience, "What it is for (default: the API's)");
  token.add_option("--client", a_.client, "The program that calls: its client id (azp)");
  token.add_option("--tenant", a_.tenant, "The tenant's GUID (tid)");
  token.add_option("--lifetime", a_.lifetime_seconds, "Seconds until it ends; may be negative")
      ->check(CLI::Range(-31'536'000L, 31'536'000L))
      ->capture_default_str();
}

}  // namespace rollcall::cli
