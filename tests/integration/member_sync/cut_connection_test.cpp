#include "common/crypto/crypto.h"
#include "common/http_client/client.h"
#include "tests/fakes/run_context.h"
#include "tests/integration/member_sync/sweep_world.h"
#include "tests/support/catch.h"
#include "tests/support/raw_server.h"
#include "workers/member_sync/handler.h"

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

}  // namespace

TEST_CASE("a removal that was carried out before its kept-alive connection died is audited") {
  SweepWorld world(1);
  const Uuid organization = SweepWorld::organization(1);
  std::vector<Uuid> members;
  for (const auto& slot : sandbox_graph::find_group(world.state.directory, SweepWorld::group(1))->slots)
    members.push_back(slot.id);
  REQUIRE(members.size() == 3);
  for (const Uuid& member : {members[0], members[1]})
    world.database.execute(
        "INSERT INTO directory.members (organization_id, email, object_id) VALUES ($1, $2, $3)",
        {postgres::value(organization), postgres::value(member.to_string() + "@contoso.example"),
         postgres::value(member)});
  world.database.execute("UPDATE directory.organizations SET removal_policy = 'mirror'", {});

  int removals = 0;
  rollcall::test::RawServer server([&](const std::string& bytes) -> std::optional<std::string> {
    const auto request = read_request(bytes);
    const auto response = sandbox_graph::handle(request, world.state, world.clock.wall());
    if (request.method == "DELETE" && ++removals == 1) return std::nullopt;
    return bytes_of(response);
  });
  http_client::CurlTransport transport;
  graph::Client client(transport, world.tokens, world.governor, world.clock, {.root = server.url()},
                       world.registry);
  Handler handler(world.database, client, world.clock, {.tenant_id = "tenant"});
  fakes::RunContext context(world.database);
  worker::Run run;
  run.id = crypto::new_uuid();
  run.organization_id = organization;
  run.tenant_id = "tenant";
  run.caller_identity = "me";
  run.parameters = Json::object();
  const auto outcome = handler.handle(run, context);

  REQUIRE(std::holds_alternative<worker::Done>(outcome));
  CHECK(std::get<worker::Done>(outcome).result.at("removed") == 1);
  const auto rows = world.database.query("SELECT messages FROM ops.outbox");
  REQUIRE(rows.size() == 1);
  CHECK(dump(rows.front().json(0)).find(members[2].to_string()) != std::string::npos);
  CHECK(removals == 2);  // the second by the applier, which knows of the first
}
