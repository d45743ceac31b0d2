#include "common/core/error.h"
#include "common/core/reasons.h"
#include "common/graph/token_source.h"
#include "common/http_client/client.h"
#include "common/postgres/migrate.h"
#include "ops/cli/commands.h"

#include <algorithm>
#include <set>

namespace rollcall::cli {
namespace {

constexpr auto patience = std::chrono::seconds(5);

struct Check {
  std::string name;
  bool ok = true;
  std::string says;
  std::string cure;
};

/// One check: whatever goes wrong becomes its finding, so that all of them are always shown.
template <class Work>
Check check(const std::string& name, Work work) {
  try {
    return {name, true, work(), {}};
  } catch (const std::exception& error) {
    const Failure failure = describe(error);
    return {name, false, failure.what(), failure.cure()};
  }
}

struct MicrosoftSettings {
  bool enabled = true;
  std::string graph;
  http_client::Options http;
  graph::Credentials credentials;
};

MicrosoftSettings microsoft_settings(const config::Environment& environment) {
  config::Settings settings(environment);
  MicrosoftSettings found;
  found.enabled = settings.flag("MS_AUTH_ENABLED", true, "Microsoft 365 is used");
  found.graph = settings.url("MS_GRAPH_URL", "https://graph.microsoft.com", "root of Microsoft Graph");
  found.http.ca_file = settings.file("ROLLCALL_CA_FILE", http_client::ca_file_help);
  auto& credentials = found.credentials;
  credentials.authority = settings.url("MS_AUTH_AUTHORITY", credentials.authority, "token authority");
  credentials.scope = found.graph + "/.default";
  if (found.enabled) {
    credentials.tenant_id = settings.required("MS_AUTH_TENANT_ID", "Entra tenant");
    credentials.client_id = settings.required("MS_AUTH_CLIENT_ID", "app registration");
    credentials.secret = settings.secret("MS_AUTH_SECRET", "client secret");
    credentials.certificate_pem = settings.secret("MS_AUTH_CERTIFICATE", "client certificate");
    if (credentials.secret.empty() && credentials.certificate_pem.empty())
      settings.mistake("MS_AUTH_SECRET", "neither MS_AUTH_SECRET nor MS_AUTH_CERTIFICATE is set");
  }
  settings.finish();
  return found;
}

std::string check_settings(Context& context) {
  std::string missing;
  for (const char* name : {"DATABASE_URL", "KAFKA_BROKERS"}) {
    const auto value = context.environment()(name);
    const auto file = context.environment()(std::string(name) + "_FILE");
    if ((!value || value->empty()) && (!file || file->empty()))
      missing += std::string(missing.empty() ? "" : ", ") + name;
  }
  if (!missing.empty())
    throw Failure(usage, "setting_invalid", "not set: " + missing,
                  "Export them, or source .rollcall/env where 'ops/run --detach' runs.");
  const auto microsoft = microsoft_settings(context.environment());
  return microsoft.enabled ? "complete; tenant " + context.tenant()
                           : "complete; Microsoft 365 is switched off (MS_AUTH_ENABLED=false)";
}

std::string check_migrations(Context& context) {
  const auto known = postgres::project_migrations();
  std::set<std::string> applied;
  const auto there = context.database().query("SELECT to_regclass('public.rollcall_migrations') IS NOT NULL");
  if (there[0].flag(0))
    for (const auto& row : context.database().query("SELECT name FROM public.rollcall_migrations"))
      applied.insert(row.text(0));
  const auto waiting =
      std::ranges::count_if(known, [&](const auto& migration) { return !applied.contains(migration.name); });
  if (waiting > 0)
    throw Failure(
        failed, "migrations_waiting",
        std::to_string(waiting) + " of " + std::to_string(known.size()) + " migrations have not run",
        "Run 'rollcall migrate'.");
  if (applied.size() > known.size())
    throw Failure(failed, "migrations_newer", "the database is newer than this program",
                  "Use the rollcall that belongs to the database.");
  return "all " + std::to_string(known.size()) + " applied";
}

std::string check_topics(const std::vector<kafka::TopicDescription>& topics) {
  std::string missing;
  for (const std::string& name : {runs::commands_topic("member-sync"), runs::ticks_topic("member-sync"),
                                  std::string(runs::runs_topic), std::string(runs::audit_topic)})
    if (std::ranges::find(topics, name, &kafka::TopicDescription::name) == topics.end())
      missing += (missing.empty() ? "" : ", ") + name;
  if (!missing.empty())
    throw Failure(failed, "topics_missing", "missing: " + missing, "Run 'rollcall topics create'.");
  return "all there";
}

/// Asks for one group: it needs the permission that a sync needs, and costs one read.
std::string check_graph(http_client::Transport& transport, const MicrosoftSettings& settings,
                        const std::string& token) {
  http_client::Request request;
  request.url = settings.graph + "/v1.0/groups?$top=1&$select=id";
  request.timeout = patience;
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  const auto response = transport.send(std::move(request));
  const std::string answered = settings.graph + " answered " + std::to_string(response.status);
  if (response.status == 0)
    throw Failure(unreachable, "graph_unavailable", settings.graph + " did not answer: " + response.error,
                  "Check MS_GRAPH_URL and the way out of this network.");
  if (response.status >= 500)
    throw Failure(unreachable, "graph_unavailable", answered, "Wait, or look at Microsoft's service health.");
  if ((response.status == 401 || response.status == 403) && !token.empty())
    throw Failure(refused, "graph_not_permitted", answered, std::string(cure_for("graph_not_permitted")));
  return settings.graph;
}

std::vector<Check> examine(Context& context) {
  std::vector<Check> checks;
  checks.push_back(check("settings", [&] { return check_settings(context); }));
  checks.push_back(check("postgresql", [&] {
    const auto rows = context.database().query("SELECT current_setting('server_version')");
    return "version " + rows[0].text(0);
  }));
  if (checks.back().ok) checks.push_back(check("migrations", [&] { return check_migrations(context); }));
  std::vector<kafka::TopicDescription> topics;
  checks.push_back(check("kafka", [&] {
    topics = kafka::list_topics(context.kafka(), patience);
    return std::to_string(topics.size()) + " topics";
  }));
  if (checks.back().ok) checks.push_back(check("topics", [&] { return check_topics(topics); }));

  MicrosoftSettings settings;
  try {
    settings = microsoft_settings(context.environment());
  } catch (const Error&) {
    return checks;  // said under "settings" already
  }
  if (!settings.enabled) return checks;
  http_client::CurlTransport transport{settings.http};
  std::string token;
  checks.push_back(check("token", [&] {
    graph::TokenSource source(transport, context.clock(), settings.credentials);
    token = source.token({});
    return settings.credentials.authority;
  }));
  checks.push_back(check("graph", [&] { return check_graph(transport, settings, token); }));
  return checks;
}

}  // namespace

int doctor(Context& context, const Arguments&) {
  auto& output = context.output;
  const auto checks = examine(context);
  const bool healthy = std::ranges::all_of(checks, &Check::ok);
  Json list = Json::array();
  for (const auto& one : checks) {
    list.push_back({{"check", one.name}, {"state", one.ok ? "ok" : "problem"}, {"message", one.says}});
    if (!one.ok) list.back()["cure"] = one.cure;
    const std::string state = output.coloured_state(one.ok ? "ok" : "problem");
    output.line(state + std::string(9 - display_width(state), ' ') + one.name +
                std::string(12 - std::min<std::size_t>(11, one.name.size()), ' ') + printable(one.says));
    if (!one.ok) output.line("         what to do: " + one.cure);
  }
  output.document({{"ok", healthy}, {"checks", list}});
  return healthy ? done : failed;
}

int migrate(Context& context, const Arguments&) {
  const auto report = postgres::migrate(context.database(), postgres::project_migrations());
  context.output.document({{"applied", report.applied}, {"already_applied", report.already_applied}});
  for (const auto& name : report.applied)
    context.output.line("applied " + name);
  if (report.applied.empty())
    context.output.line("nothing changed: all " + std::to_string(report.already_applied) +
                        " migrations have run already");
  return done;
}

}  // namespace rollcall::cli
