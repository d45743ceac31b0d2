#include "common/core/error.h"
#include "common/graph/settings.h"
#include "common/graph/token_source.h"
#include "common/http_client/client.h"
#include "common/runs/workers.h"
#include "ops/cli/commands.h"

#include <algorithm>

namespace rollcall::cli {
namespace {

constexpr auto patience = std::chrono::seconds(5);

struct Check {
  std::string name;
  Exit exit = done;
  std::string says;
  std::string cure;
  [[nodiscard]] bool ok() const { return exit == done; }
};

/// One check: whatever goes wrong becomes its finding, so that all of them are always shown.
template <class Work>
Check check(const std::string& name, Work work) {
  try {
    return {name, done, work(), {}};
  } catch (const std::exception& error) {
    const Failure failure = describe(error);
    return {name, failure.exit(), failure.what(), failure.cure()};
  }
}

/// Every setting that is missing or wrong, at once.
graph::MicrosoftSettings read_settings(const config::Environment& environment) {
  config::Settings settings(environment);
  settings.required_secret("DATABASE_URL", "PostgreSQL, postgresql://user@host/database");
  settings.required("KAFKA_BROKERS", "Kafka bootstrap servers, host:port,…");
  auto microsoft = graph::load_settings(settings);
  settings.finish();
  return microsoft;
}

/// The part of it that the Microsoft checks need; nothing where it is switched off or incomplete.
std::optional<graph::MicrosoftSettings> microsoft_settings(const config::Environment& environment) {
  try {
    config::Settings settings(environment);
    auto microsoft = graph::load_settings(settings);
    settings.finish();
    if (microsoft.enabled) return microsoft;
  } catch (const Error&) {
    // Said under "settings" already.
  }
  return std::nullopt;
}

std::string check_settings(Context& context) {
  try {
    return read_settings(context.environment()).enabled
               ? "complete; tenant " + context.tenant()
               : "complete; Microsoft 365 is switched off (MS_AUTH_ENABLED=false)";
  } catch (const Error& error) {
    throw Failure(usage, error.code(), error.what(),
                  "Export what is missing, or source .rollcall/env where 'ops/run --detach' runs.");
  }
}

std::string check_topics(const std::vector<kafka::TopicDescription>& topics) {
  std::string missing;
  std::vector<std::string> needed{runs::runs_topic, runs::audit_topic, "rollcall.audit-roots"};
  for (const char* kind : runs::worker_kinds)
    needed.insert(needed.end(), {runs::commands_topic(kind), runs::ticks_topic(kind)});
  for (const std::string& name : needed)
    if (std::ranges::find(topics, name, &kafka::TopicDescription::name) == topics.end())
      missing += (missing.empty() ? "" : ", ") + name;
  if (!missing.empty()) throw Failure(failed, "topics_missing", "missing: " + missing);
  return "all there";
}

/// Asks for one group: it needs the permission that a sync needs, and costs one read.
std::string check_graph(http_client::Transport& transport, const graph::MicrosoftSettings& settings,
                        const std::string& token) {
  http_client::Request request;
  request.url = settings.root + "/v1.0/groups?$top=1&$select=id";
  request.timeout = patience;
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  const auto response = transport.send(std::move(request));
  const std::string answered = settings.root + " answered " + std::to_string(response.status);
  if (response.status == 0)
    throw Failure(unreachable, "graph_unavailable", settings.root + " did not answer: " + response.error);
  if (response.status >= 500)
    throw Failure(unreachable, "graph_unavailable", answered, "Wait, or look at Microsoft's service health.");
  if ((response.status == 401 || response.status == 403) && !token.empty())
    throw Failure(refused, "graph_not_permitted", answered);
  return settings.root;
}

std::vector<Check> examine(Context& context) {
  std::vector<Check> checks;
  checks.push_back(check("settings", [&] { return check_settings(context); }));
  // What is not set is said there already; every other check is made all the same.
  if (context.has("DATABASE_URL")) {
    checks.push_back(check("postgresql", [&] {
      const auto rows = context.database().query("SELECT current_setting('server_version')");
      return "version " + rows[0].text(0);
    }));
    if (checks.back().ok())
      checks.push_back(check("migrations", [&] { return require_migrations(context); }));
  }
  if (context.has("KAFKA_BROKERS")) {
    std::vector<kafka::TopicDescription> topics;
    checks.push_back(check("kafka", [&] {
      topics = context.topics();
      return std::to_string(topics.size()) + " topics";
    }));
    if (checks.back().ok()) checks.push_back(check("topics", [&] { return check_topics(topics); }));
  }
  const auto microsoft = microsoft_settings(context.environment());
  if (!microsoft) return checks;
  http_client::CurlTransport transport{microsoft->http};
  std::string token;
  checks.push_back(check("token", [&] {
    graph::TokenSource source(transport, context.clock(), microsoft->credentials);
    token = source.token({});
    return microsoft->credentials.authority;
  }));
  checks.push_back(check("graph", [&] { return check_graph(transport, *microsoft, token); }));
  return checks;
}

/// Further lines stand under the first.
std::string indented(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '\n' ? "\n                       " : printable(std::string(1, c));
  return out;
}

}  // namespace

int doctor(Context& context, const Arguments&) {
  auto& output = context.output;
  const auto checks = examine(context);
  const bool healthy = std::ranges::all_of(checks, &Check::ok);
  // What is away hides what else is wrong: it comes first.
  const bool away = std::ranges::count(checks, unreachable, &Check::exit) > 0;
  Json list = Json::array();
  for (const auto& one : checks) {
    list.push_back({{"check", one.name}, {"state", one.ok() ? "ok" : "problem"}, {"message", one.says}});
    if (!one.ok()) list.back()["cure"] = one.cure;
    const std::string state = output.coloured_state(one.ok() ? "ok" : "problem");
    output.line(state + std::string(9 - display_width(state), ' ') + one.name +
                std::string(12 - std::min<std::size_t>(11, one.name.size()), ' ') + indented(one.says));
    if (!one.ok()) output.line("         what to do: " + one.cure);
  }
  output.document({{"ok", healthy}, {"checks", list}});
  return healthy ? done : away ? unreachable : failed;
}

}  // namespace rollcall::cli
