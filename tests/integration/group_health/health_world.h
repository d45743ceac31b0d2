#pragma once
#include "common/graph/token_source.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/run_context.h"
#include "tests/fakes/sandbox_answer.h"
#include "tests/support/services.h"
#include "workers/group_health/handler.h"

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::group_health::test {

/// A tenant in the sandbox without a socket, a database of its own, and runs handed to the worker's handler.
struct HealthWorld {
  postgres::Database database{{.url = rollcall::test::migrated_database()}};
  sandbox_graph::State state;
  /// Answers instead of the sandbox where it returns something.
  std::function<std::optional<http_client::Response>(const http_client::Request&)> instead;
  fakes::FakeTransport entra{[](const http_client::Request&) {
    return fakes::FakeTransport::answer(200, R"({"expires_in":3599,"access_token":"t"})");
  }};
  fakes::FakeTransport transport{[this](const http_client::Request& request) { return answer(request); }};
  SystemClock clock;
  graph::TokenSource tokens{entra, clock, {}};
  graph::Governor governor{{}, clock};
  metrics::Registry metrics{"group-health"};
  graph::Client client{transport, tokens, governor, clock, {.root = "http://sandbox", .read_attempts_max = 1},
                       metrics};
  HandlerOptions options{.checks = {.tenant_id = "tenant", .second_look_after = std::chrono::minutes(1)}};
  Json carried;  ///< what the last run left for its next attempt

  /// `count` organizations, each linked long ago to a group of three with an owner.
  explicit HealthWorld(int count) {
    state.tokens["t"] = clock.wall() + std::chrono::hours(24);
    control("seed", {{"generate", {{"users", 60}, {"groups", count}, {"members", 3}, {"owners", 1}}}});
    std::vector<Uuid> ids, groups;
    for (int i = 1; i <= count; ++i) {
      ids.push_back(organization(i));
      groups.push_back(group(i));
    }
    database.execute(
        "INSERT INTO directory.organizations (id, tenant_id, name, microsoft_group, updated_at) SELECT u.id, "
        "'tenant', 'Organization', u.in_group, now() - interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) "
        "AS u(id, in_group)",
        {postgres::array(ids), postgres::array(groups)});
    state.stats = {};
  }

  static Uuid numbered(const char* prefix, int number) {
    char text[40];
    std::snprintf(text, sizeof text, "%s-0000-4000-8000-%012x", prefix, static_cast<unsigned>(number));
    return *Uuid::parse(text);
  }
  static Uuid organization(int number) { return numbered("0000000f", number); }
  static Uuid group(int number) { return numbered("00000002", number); }

  http_client::Response answer(const http_client::Request& request) {
    if (instead)
      if (auto given = instead(request)) return *given;
    const auto said = fakes::sandbox_answer(state, request, clock.wall());
    return fakes::FakeTransport::answer(said.status, said.body, said.headers);
  }
  http_server::Response control(const std::string& what, const Json& body) {
    return sandbox_graph::handle({"POST", "/sandbox/" + what, {{"Host", "sandbox"}}, dump(body)}, state,
                                 clock.wall());
  }
  /// Somebody in Microsoft 365 does something; the requests are not counted.
  int somebody(const std::string& method, const std::string& path) {
    const auto stats = state.stats;
    const auto said = sandbox_graph::handle(
        {method, "/v1.0" + path, {{"Host", "sandbox"}, {"Authorization", "Bearer t"}}, ""}, state,
        clock.wall());
    state.stats = stats;
    return said.status;
  }
  int somebody_deletes(int number) { return somebody("DELETE", "/groups/" + group(number).to_string()); }
  /// For good.
  void somebody_purges(int number) {
    somebody_deletes(number);
    somebody("DELETE", "/directory/deletedItems/" + group(number).to_string());
  }
  sandbox_graph::Group& in_graph(int number) { return state.directory.groups.at(group(number)); }
  /// What is asked of these groups is refused with that status.
  void refuse(const std::vector<int>& numbers, int status) {
    state.faults.groups.clear();
    for (const int number : numbers)
      state.faults.groups[group(number)] = status;
  }

  /// Throws as the handler does.
  worker::Outcome run(const std::string& operation, const Uuid& organization, int attempt = 1,
                      const std::function<void()>& before_checkpoint = {}, std::stop_token stop = {}) {
    Handler handler{database, client, clock, metrics, options};
    fakes::RunContext context{database, std::move(stop)};
    context.before_checkpoint = before_checkpoint;
    worker::Run run;
    run.id = crypto_free_id();
    run.organization_id = organization;
    run.tenant_id = "tenant";
    run.operation = operation;
    run.caller_identity = "cli";
    run.attempt = attempt;
    run.carried = carried;
    state.stats = {};
    try {
      auto outcome = handler.handle(run, context);
      carried = nullptr;
      return outcome;
    } catch (const std::exception&) {
      carried = context.carried;
      throw;
    }
  }
  /// Of a run that is done.
  Json check(int number) { return done(run("check-groups", organization(number))); }
  Json check_all() { return done(run("check-groups", {})); }
  static Json done(const worker::Outcome& outcome) {
    if (const auto* failed = std::get_if<worker::Failed>(&outcome))
      throw std::runtime_error(failed->code + ": " + failed->message);
    return std::get<worker::Done>(outcome).result;
  }

  /// As if so much time had gone by since the group was first found nowhere.
  void age(const std::string& interval) {
    database.execute("UPDATE sync.group_health SET missing_since = missing_since - $1::interval",
                     {postgres::value(interval)});
  }
  std::optional<Uuid> linked(int number) {
    const auto rows =
        database.query("SELECT microsoft_group FROM directory.organizations WHERE id = $1::uuid",
                       {postgres::value(organization(number))});
    return rows.at(0).is_null(0) ? std::nullopt : std::optional(rows[0].uuid(0));
  }
  std::string state_of(int number) {
    const auto rows = database.query("SELECT state FROM sync.group_health WHERE organization_id = $1::uuid",
                                     {postgres::value(organization(number))});
    return rows.empty() ? "" : rows[0].text(0);
  }
  /// Rules of the findings that stand; number 0: of the tenant.
  std::vector<std::string> findings(int number) {
    std::vector<std::string> rules;
    for (const auto& row : database.query(
             "SELECT rule FROM advisor.findings WHERE organization_id IS NOT DISTINCT FROM $1::uuid AND "
             "state <> 'resolved' ORDER BY rule",
             {number == 0 ? postgres::Value{} : postgres::value(organization(number))}))
      rules.push_back(row.text(0).substr(std::string("group_health.").size()));
    return rules;
  }
  std::vector<Json> audited() {
    std::vector<Json> events;
    for (const auto& row : database.query("SELECT messages FROM ops.outbox ORDER BY id"))
      for (const auto& message : runs::read_outbox(row.json(0)))
        if (message.topic == runs::audit_topic) events.push_back(Json::parse(message.value));
    return events;
  }
  /// Organizations whose group is looked at again by itself.
  long looked_at_again() {
    return database
        .query(
            "SELECT count(*) FROM ops.runs WHERE state = 'waiting' AND operation = 'check-groups' AND "
            "worker = 'group-health'")
        .at(0)
        .number(0);
  }

 private:
  int runs_ = 0;
  Uuid crypto_free_id() { return numbered("0000000e", ++runs_); }
};

}  // namespace rollcall::group_health::test
