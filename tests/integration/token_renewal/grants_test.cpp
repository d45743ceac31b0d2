#include "common/core/error.h"
#include "common/graph/token_source.h"
#include "tests/fakes/run_context.h"
#include "tests/integration/auth/vault_world.h"
#include "workers/token_renewal/handler.h"

#include <atomic>

/// What people granted, renewed by runs.
using namespace rollcall;
using namespace rollcall::token_renewal;
using vault_test::World;

namespace {

struct Renewal {
  World& world;
  HandlerOptions options{.grants = {.at_once = 4, .block = 5},
                         .subscriptions = {.tenant_id = vault_test::tenant}};
  SystemClock clock;
  graph::TokenSource tokens{world.entra.transport, clock, {}};
  graph::Governor governor{{}, clock};
  metrics::Registry metrics{"token-renewal"};
  graph::Client client{world.entra.transport, tokens, governor, clock, {}, metrics};
  Json carried = nullptr;

  explicit Renewal(World& whose) : world(whose) {}

  worker::Outcome attempt(std::stop_token stop = {}, vault::Renewer* renewer = nullptr) {
    postgres::Database& database = world.one->database;
    Handler handler{database, client, renewer ? renewer : &world.one->renewer, clock, metrics, options};
    fakes::RunContext context{database, std::move(stop)};
    worker::Run run;
    run.operation = "renew-grants";
    run.tenant_id = vault_test::tenant;
    run.carried = carried;
    auto outcome = handler.handle(run, context);
    carried = context.carried;
    return outcome;
  }
  Json renew() { return std::get<worker::Done>(attempt()).result; }
};

/// So many people more, who all connected mail, calendar and files.
void crowd(World& world, std::size_t people) {
  for (std::size_t i = 1; i <= people; ++i)
    for (const auto connector : {vault::Connector::mail, vault::Connector::calendar, vault::Connector::files})
      world.connect({vault_test::tenant, world.entra.person(i).id, connector}, i);
  world.entra.asked = 0;
}
std::string count(World& world, const std::string& where) {
  return world.query("SELECT count(*)::text FROM vault.grants WHERE " + where)[0].text(0);
}

}  // namespace

TEST_CASE("a run renews all that is due, block by block, and nothing else") {
  World world;
  crowd(world, 4);
  Renewal renewal{world};
  CHECK(renewal.renew()["renewed"] == 0);
  world.expire();
  CHECK(renewal.renew() == Json{{"renewed", 13},
                                {"postponed", 0},
                                {"reconnect", 0},
                                {"refused", 0},
                                {"unreadable", 0},
                                {"given_up", false}});
  CHECK(world.entra.asked == 13);
  CHECK(count(world, "generation = 2 AND expires_at > now()") == "13");
  CHECK(renewal.metrics.render().find("outcome=\"renewed\"") != std::string::npos);
}

TEST_CASE("a revoked grant is told apart; the others are renewed") {
  World world;
  crowd(world, 2);
  world.expire();
  world.revoke();
  const Json result = Renewal{world}.renew();
  CHECK(result["renewed"] == 6);
  CHECK(result["reconnect"] == 1);
  CHECK(world.column("state") == "reconnect");
  CHECK(world.query("SELECT rule FROM advisor.findings WHERE state = 'open'").size() == 1);
}

TEST_CASE("a stop half-way ends the run in order, and the next attempt goes on and counts on") {
  World world;
  crowd(world, 4);
  world.expire();
  Renewal renewal{world};
  std::stop_source stop;
  std::atomic<int> arrived = 0;
  world.entra.before_arrival = [&](http_client::Response&) {
    if (++arrived == 7) stop.request_stop();
  };
  CHECK(std::holds_alternative<worker::WaitUntil>(renewal.attempt(stop.get_token())));
  world.entra.before_arrival = {};
  const long before = renewal.carried["renewed"];
  CHECK(before >= 7);
  CHECK(before < 13);
  // None is left half done: what was asked for is saved, and no lease stands.
  CHECK(count(world, "generation = 2") == std::to_string(before));
  CHECK(count(world, "lease_until > now()") == "0");
  CHECK(renewal.renew()["renewed"] == 13);
  CHECK(world.entra.asked == 13);
}

TEST_CASE("Entra ID is away: a run gives up, rather than have each grant wait in turn") {
  World world;
  crowd(world, 4);
  world.expire();
  Renewal renewal{world};
  renewal.options.grants.at_once = 1;
  // A refusal of the app is not asked for twice, as silence is.
  world.entra.before_arrival = [](http_client::Response& response) {
    response = fakes::FakeTransport::answer(401, R"({"error":"invalid_client","error_codes":[7000215]})");
  };
  const Json result = renewal.renew();
  CHECK(result["given_up"] == true);
  CHECK(result["refused"] == 3);
  CHECK(count(world, "failures = 0 AND refresh_after <= now()") == "10");
  world.entra.before_arrival = {};
  CHECK(renewal.renew()["renewed"] == 10);
}

TEST_CASE("without keys there are no runs, and one that is asked for says why") {
  World world;
  Renewal renewal{world};
  Handler handler{world.one->database, renewal.client,  nullptr,
                  renewal.clock,       renewal.metrics, renewal.options};
  Json tick = {{"schedule_id", "s"}, {"due_at", "d"}, {"schedule_name", "n"}, {"operation", "renew-grants"}};
  CHECK(handler.expand(tick, {}).empty());
  worker::Run run;
  run.operation = "renew-grants";
  fakes::RunContext context{world.one->database};
  CHECK(std::get<worker::Failed>(handler.handle(run, context)).code == "vault_not_configured");
  tick["operation"] = "renew-everything";
  CHECK_THROWS_AS(handler.expand(tick, {}), Error);
}
