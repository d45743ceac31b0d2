#pragma once
#include "common/graph/token_source.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sandbox_answer.h"
#include "tests/support/services.h"
#include "workers/member_sync/sweep.h"

#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace rollcall::member_sync::test {

/// A tenant in the sandbox without a socket, a database of its own, and runs that end well at once.
struct SweepWorld {
  postgres::Database database{{.url = rollcall::test::migrated_database()}};
  sandbox_graph::State state;
  std::function<void()> before_answer;        ///< called with each request
  std::function<void(Json& response)> spoil;  ///< may change each part of a batch's answer
  fakes::FakeTransport entra{[](const http_client::Request&) {
    return fakes::FakeTransport::answer(200, R"({"expires_in":3599,"access_token":"t"})");
  }};
  fakes::FakeTransport transport{[this](const http_client::Request& request) { return answer(request); }};
  SystemClock clock;
  graph::TokenSource tokens{entra, clock, {}};
  graph::Governor governor{{}, clock};
  metrics::Registry registry{"test"};
  graph::Client client{transport, tokens, governor, clock, {.root = "http://sandbox"}, registry};
  SweepOptions options{.tenant_id = "tenant"};
  int ticks = 0;

  /// `count` organizations, each linked to a group of three.
  explicit SweepWorld(int count) {
    state.tokens["t"] = clock.wall() + std::chrono::hours(24);
    control("seed", {{"generate", {{"users", 60}, {"groups", count}, {"members", 3}}}});
    link(1, count);
    state.stats = {};
  }

  static Uuid numbered(const char* prefix, int number) {
    char text[40];
    std::snprintf(text, sizeof text, "%s-0000-4000-8000-%012x", prefix, static_cast<unsigned>(number));
    return *Uuid::parse(text);
  }
  static Uuid organization(int number) { return numbered("0000000f", number); }
  static Uuid group(int number) { return numbered("00000002", number); }
  static Uuid user(int number) { return numbered("00000001", number); }

  void link(int first, int last) {
    std::vector<Uuid> ids, groups;
    for (int i = first; i <= last; ++i) {
      ids.push_back(organization(i));
      groups.push_back(group(i));
    }
    database.execute(
        "INSERT INTO directory.organizations (id, tenant_id, name, microsoft_group) SELECT u.id, 'tenant', "
        "'Organization', u.in_group FROM unnest($1::uuid[], $2::uuid[]) AS u(id, in_group)",
        {postgres::array(ids), postgres::array(groups)});
  }

  http_client::Response answer(const http_client::Request& request) {
    if (before_answer) before_answer();
    auto said = fakes::sandbox_answer(state, request, clock.wall());
    if (spoil) {
      Json body = Json::parse(said.body);
      for (Json& response : body.at("responses"))
        spoil(response);
      said.body = dump(body);
    }
    return fakes::FakeTransport::answer(said.status, said.body, said.headers);
  }
  http_server::Response control(const std::string& what, const Json& body) {
    return sandbox_graph::handle({"POST", "/sandbox/" + what, {{"Host", "sandbox"}}, dump(body)}, state,
                                 clock.wall());
  }
  /// Somebody else changes a group.
  void somebody_removes(int group_number, int user_number) {
    sandbox_graph::handle({"DELETE",
                           "/v1.0/groups/" + group(group_number).to_string() + "/members/" +
                               user(user_number).to_string() + "/$ref",
                           {{"Host", "sandbox"}, {"Authorization", "Bearer t"}},
                           ""},
                          state, clock.wall());
    state.stats = {};
  }

  Json tick(const Json& parameters = Json::object()) {
    return {{"tick_id", numbered("0000000e", ++ticks).to_string()},
            {"schedule_id", numbered("0000000d", 1).to_string()},
            {"schedule_name", "hourly"},
            {"worker", "member-sync"},
            {"operation", "sync-members"},
            {"due_at", to_rfc3339(clock.wall())},
            {"parameters", parameters}};
  }
  std::vector<Json> commands(const Json& one, const std::stop_token& stop = {}) {
    state.stats = {};
    Sweep sweep(database, client, options);
    return sweep.commands(one, stop);
  }
  /// The numbers of the organizations that a new sweep starts runs for.
  std::set<int> sweep() { return numbers(commands(tick())); }
  static std::set<int> numbers(const std::vector<Json>& commands) {
    std::set<int> all;
    for (const Json& command : commands)
      all.insert(std::stoi(command.at("organization_id").get<std::string>().substr(24), nullptr, 16));
    return all;
  }

  /// What runs leave behind: the mirror as the group is, nothing marked.
  void runs_end(const std::set<int>& organizations) {
    for (const int number : organizations)
      database.transact([&](postgres::Transaction& transaction) { run_ends(transaction, number); });
  }
  void run_ends(postgres::Transaction& transaction, int number) {
    const auto id = postgres::value(organization(number));
    transaction.execute(
        "INSERT INTO sync.groups (organization_id, group_id, full_read_at, roster_version, synced_at, "
        "read_at) "
        "SELECT id, microsoft_group, now(), roster_version, now(), clock_timestamp() FROM "
        "directory.organizations WHERE id = $1 "
        "ON CONFLICT (organization_id) DO UPDATE SET group_id = excluded.group_id, synced_at = now(), "
        "read_at = "
        "excluded.read_at, full_read_at = now(), roster_version = excluded.roster_version",
        {id});
    transaction.execute("DELETE FROM sync.group_members WHERE organization_id = $1", {id});
    Ids members;
    for (const auto& slot : sandbox_graph::find_group(state.directory, group(number))->slots)
      if (slot.removed == sandbox_graph::never) members.push_back(slot.id);
    transaction.execute(
        "INSERT INTO sync.group_members (organization_id, object_id) SELECT $1, unnest($2::uuid[])",
        {id, postgres::array(members)});
    clear_mark(transaction, organization(number), clock.wall() + std::chrono::seconds(1));
  }
};

}  // namespace rollcall::member_sync::test
