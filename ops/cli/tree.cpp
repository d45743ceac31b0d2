#include "ops/cli/tree.h"

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

}  // namespace

Tree::Tree(Arguments& arguments) : a_(arguments) {
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
  manifest();
  sandbox();
}

CLI::App& Tree::group(const std::string& name, const std::string& purpose) {
  auto& sub = *app_.add_subcommand(name, purpose);
  // Exactly one, and no more: so that an organization named "list" is not taken for a command.
  sub.require_subcommand(1, 1);
  json(sub);
  return sub;
}

CLI::App& Tree::leaf(CLI::App& parent, const std::string& name, const std::string& purpose,
                     const std::string& example) {
  auto& sub = *parent.add_subcommand(name, purpose);
  sub.footer("Example:\n  " + example);
  json(sub);
  const std::string command = &parent == &app_ ? name : parent.get_name() + " " + name;
  sub.callback([this, command] { a_.command = command; });
  return sub;
}

void Tree::json(CLI::App& app) {
  app.add_flag("--json", a_.json, "Print JSON instead of text");
}

void Tree::organization(CLI::App& app) {
  app.add_option("ORG", a_.organization, "Organization: id or unique name")->required();
}

void Tree::run(CLI::App& app) {
  app.add_option("RUN", a_.run, "Id of the run (job_id)")->required();
}

void Tree::kind(CLI::App& app) {
  app.add_option("KIND", a_.worker, "Kind of worker, as member-sync")->required();
}

void Tree::schedule(CLI::App& app) {
  app.add_option("NAME", a_.name, "Name of the schedule")->required();
}

void Tree::finding(CLI::App& app) {
  app.add_option("ID", a_.finding, "As 'rollcall findings list' shows it")->required();
}

void Tree::decision(CLI::App& app) {
  finding(app);
  app.add_option("--why", a_.why, "For whoever looks next")->required();
  app.add_option("--until", a_.until, "Then it counts as open again, as 2026-12-31T00:00:00Z");
}

void Tree::full_read(CLI::App& app) {
  app.add_flag("--full-read", a_.full_read, "Read the whole group, not only what changed");
}

void Tree::limit(CLI::App& app) {
  app.add_option("--limit", a_.limit, "At most so many")
      ->check(CLI::Range(1L, 100'000L))
      ->capture_default_str();
}

void Tree::timeout(CLI::App& app) {
  app.add_option("--timeout", a_.timeout_seconds, "Stop waiting after so many seconds")
      ->check(CLI::Range(1L, 604'800L));
}

}  // namespace rollcall::cli
