#include "common/crypto/crypto.h"
#include "common/http_client/client.h"
#include "tests/fakes/run_context.h"
#include "tests/integration/member_sync/sweep_world.h"
#include "tests/support/catch.h"
#include "tests/support/raw_server.h"
#include "workers/member_sync/handler.h"

#include <atomic>
#include <sstream>

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

http_server::Request read_request(const std::string& bytes) {
  http_server::Request request;
  std::istringstream lines(bytes);
  std::string line;
  lines >> request.method >> request.target;
  std::getline(lines, line);
  while (std::getline(lines, line) && line != "\r") {
    const auto colon = line.find(": ");
    if (colon != std::string::npos)
      request.headers.emplace_back(line.substr(0, colon),
                                   line.substr(colon + 2, line.size() - colon - 3));  // without the CR
  }
  request.body = bytes.substr(bytes.find("\r\n\r\n") + 4);
  return request;
}

std::string bytes_of(const http_server::Response& response) {
  std::string bytes = "HTTP/1.1 " + std::to_string(response.status) + " Said\r\n";
  for (const auto& [name, value] : response.headers)
    bytes += name + ": " + value + "\r\n";
  if (response.status != 204) bytes += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  return bytes + "\r\n" + response.body;
}

/// One organization with two of the three members of its group on the roster: the third is to be removed.
struct World : SweepWorld {
  std::vector<Uuid> members;
  fakes::RunContext context{database};
  worker::Run run;

  World() : SweepWorld(1) {
    run.attempt = 0;
    for (const auto& slot : sandbox_graph::find_group(state.directory, group(1))->slots)
      members.push_back(slot.id);
    REQUIRE(members.size() == 3);
    for (const Uuid& member : {members[0], members[1]})
      database.execute(
          "INSERT INTO directory.members (organization_id, email, object_id) VALUES ($1, $2, $3)",
          {postgres::value(organization(1)), postgres::value(member.to_string() + "@contoso.example"),
           postgres::value(member)});
    database.execute("UPDATE directory.organizations SET removal_policy = 'mirror'", {});
    run.id = crypto::new_uuid();
    run.organization_id = organization(1);
    run.tenant_id = "tenant";
    run.caller_identity = "me";
    run.parameters = Json::object();
    database.execute(
        "INSERT INTO ops.runs (id, organization_id, worker, operation, state, started_at) VALUES ($1, $2, "
        "'member-sync', 'sync-members', 'running', now())",
        {postgres::value(run.id), postgres::value(run.organization_id)});
  }
  /// The run's next attempt.
  worker::Outcome sync(http_client::Transport& over, const std::string& root = "http://sandbox") {
    graph::Client through(over, tokens, governor, clock, {.root = root}, registry);
    run.resumed = ++run.attempt > 1;
    return Handler(database, through, clock, {.tenant_id = "tenant"}).handle(run, context);
  }
  /// The run removed the third member, and says so in the audit trail.
  void check_removal(const worker::Outcome& outcome) {
    REQUIRE(std::holds_alternative<worker::Done>(outcome));
    CHECK(std::get<worker::Done>(outcome).result.at("removed") == 1);
    const auto rows = database.query("SELECT messages FROM ops.outbox");
    REQUIRE(rows.size() == 1);
    CHECK(dump(rows.front().json(0)).find(members[2].to_string()) != std::string::npos);
  }
};

bool is_write(const http_client::Request& request) {
  return request.url.ends_with("/$ref");
}

http_client::Response no_group() {
  return fakes::FakeTransport::answer(
      404, R"({"error":{"code":"Request_ResourceNotFound","message":"Resource ')" +
               SweepWorld::group(1).to_string() +
               R"(' does not exist or one of its queried reference-property objects are not present."}})");
}

}  // namespace

TEST_CASE("a removal that was carried out before its kept-alive connection died is audited") {
  World world;
  std::atomic<int> removals = 0;
  rollcall::test::RawServer server([&](const std::string& bytes) -> std::optional<std::string> {
    const auto request = read_request(bytes);
    const auto response = sandbox_graph::handle(request, world.state, world.clock.wall());
    if (request.method == "DELETE" && ++removals == 1) return std::nullopt;
    return bytes_of(response);
  });
  http_client::CurlTransport transport;
  world.check_removal(world.sync(transport, server.url()));
  CHECK(removals == 2);  // the second by the applier, which knows of the first
}

TEST_CASE("a group that reads show and writes do not find is no verdict about a member") {
  World world;
  bool behind = true;
  fakes::FakeTransport transport([&](const http_client::Request& request) {
    return behind && is_write(request) ? no_group() : world.answer(request);
  });
  const auto first = world.sync(transport);
  REQUIRE(std::holds_alternative<worker::RetryAfter>(first));
  CHECK(std::get<worker::RetryAfter>(first).code == "group_not_visible");
  behind = false;
  world.check_removal(world.sync(transport));
}

TEST_CASE("a group that is gone by the next attempt is found missing") {
  World world;
  bool gone = false;
  fakes::FakeTransport transport([&](const http_client::Request& request) {
    return gone || is_write(request) ? no_group() : world.answer(request);
  });
  REQUIRE(std::holds_alternative<worker::RetryAfter>(world.sync(transport)));
  gone = true;
  const auto second = world.sync(transport);
  REQUIRE(std::holds_alternative<worker::Failed>(second));
  CHECK(std::get<worker::Failed>(second).code == "group_not_found");
}
