#include "common/core/error.h"
#include "tests/integration/token_renewal/subscription_world.h"
#include "tests/support/catch.h"

#include <thread>

/// The subscription to groups at Microsoft Graph, through all that may become of it.
using namespace rollcall;
using namespace rollcall::token_renewal;
using namespace rollcall::token_renewal::test;
using namespace std::chrono_literals;
using Rows = std::vector<std::string>;

TEST_CASE("a subscription is created, kept, and renewed when its time comes") {
  SubscriptionWorld world;
  CHECK(world.renew()["created"] == true);
  const Uuid id = world.only().id;
  CHECK(world.only().url == hook);
  CHECK(world.only().lifecycle_url == hook);
  CHECK(world.only().client_state == "client-state-secret");
  CHECK(world.rows() == Rows{"active " + id.to_string()});
  CHECK(world.sweeps() == 0);

  const Json kept = world.renew();
  CHECK(kept["created"] == false);
  CHECK(kept["renewed"] == false);
  CHECK(kept["requests"]["writes"] == 0);
  CHECK(kept["requests"]["http"] == 1);

  world.only().expires_at = world.clock.wall() + 24h * 6;
  const Json renewed = world.renew();
  CHECK(renewed["renewed"] == true);
  CHECK(renewed["subscription_id"] == id.to_string());
  CHECK(world.only().expires_at > world.clock.wall() + 24h * 27);
  CHECK(
      world.database.query("SELECT expires_at > now() + interval '27 days' FROM sync.subscriptions")[0].flag(
          0));
}

TEST_CASE("the secret stands in no table") {
  SubscriptionWorld world;
  world.renew();
  for (const char* table : {"sync.subscriptions", "ops.outbox", "advisor.findings"})
    CHECK(world.database
              .query(std::string("SELECT t::text FROM ") + table + " t WHERE t::text LIKE '%state-secret%'")
              .empty());
}

TEST_CASE("Graph asks for a renewal, and gets one") {
  SubscriptionWorld world;
  world.renew();
  world.only().expires_at = world.clock.wall() + 24h * 20;
  world.notice(world.only().id, "reauthorizationRequired");
  CHECK(world.renew()["renewed"] == true);
  CHECK(world.notices() == 0);
  CHECK(world.renew()["renewed"] == false);
  CHECK(world.sweeps() == 0);
}

TEST_CASE("a removed subscription is made anew, and the groups are looked at, once") {
  SubscriptionWorld world;
  world.renew();
  const Uuid old = world.only().id;
  SECTION("Graph tells so") {
    world.notice(old, "subscriptionRemoved");
    world.state.subscriptions.clear();
  }
  SECTION("Graph tells so, and still lists it") {
    world.notice(old, "subscriptionRemoved");
  }
  SECTION("it is not there any more") {
    world.state.subscriptions.clear();
  }
  SECTION("it goes while it is renewed") {
    world.only().expires_at = world.clock.wall() + 1h;
    world.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
      if (request.method == "PATCH") world.state.subscriptions.clear();
      return std::nullopt;
    };
  }
  const Json result = world.renew();
  CHECK(result["created"] == true);
  CHECK(result["sweep_asked_for"] == true);
  CHECK(world.only().id != old);
  CHECK(world.rows() == Rows{"active " + world.only().id.to_string()});
  CHECK(world.notices() == 0);
  CHECK(world.sweeps() == 1);
  CHECK(world.renew()["sweep_asked_for"] == false);
  CHECK(world.sweeps() == 1);
}

TEST_CASE("missed notifications are a reason to look at the groups") {
  SubscriptionWorld world;
  world.renew();
  world.notice(world.only().id, "missed");
  CHECK(world.renew()["created"] == false);
  CHECK(world.sweeps() == 1);
  CHECK(world.notices() == 0);
}

TEST_CASE("who dies between Graph's answer and the database finds the subscription by listing") {
  SubscriptionWorld world;
  const Uuid run = crypto::new_uuid();
  int checkpoints = 0;
  CHECK_THROWS_AS(world.attempt(run,
                                [&] {
                                  if (++checkpoints == 2)
                                    throw Error(Fault::conflict, "claim_lost", "killed");
                                }),
                  Error);
  const Uuid made = world.only().id;
  CHECK(world.rows() == Rows{"creating"});
  const auto outcome = world.attempt(run);
  CHECK(std::get<worker::Done>(outcome).result["adopted"] == true);
  CHECK(world.only().id == made);
  CHECK(world.rows() == Rows{"active " + made.to_string()});
}

TEST_CASE("the answer to a creation is lost: the next attempt takes what was made") {
  SubscriptionWorld world;
  bool lost = false;
  world.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (request.method != "POST" || std::exchange(lost, true)) return std::nullopt;
    world.answer(request);
    return fakes::FakeTransport::lost(true);
  };
  const Uuid run = crypto::new_uuid();
  CHECK_THROWS_AS(world.attempt(run), Error);
  CHECK(std::get<worker::Done>(world.attempt(run)).result["adopted"] == true);
  CHECK(world.at_graph().size() == 1);
}

TEST_CASE("one that the listing did not show yet is adopted when Graph refuses a second") {
  SubscriptionWorld world;
  world.renew();
  const Uuid there = world.only().id;
  world.database.execute("UPDATE sync.subscriptions SET state = 'creating', subscription_id = NULL");
  bool shown = false;
  world.instead = [&](const http_client::Request& request) -> std::optional<http_client::Response> {
    if (request.method != "GET" || std::exchange(shown, true)) return std::nullopt;
    return fakes::FakeTransport::answer(200, R"({"value":[]})");
  };
  CHECK(world.renew()["adopted"] == true);
  CHECK(world.only().id == there);
}

TEST_CASE("another installation's subscription is left alone, and said so") {
  SubscriptionWorld world;
  world.options.subscriptions.hook_url = "https://other.contoso.com/hooks/graph";
  world.renew();
  world.database.execute("DELETE FROM sync.subscriptions");
  world.options.subscriptions.hook_url = hook;
  CHECK(world.refusal() == "subscription_taken");
  CHECK(world.finding().first == "subscription_taken");
  CHECK(world.only().url == "https://other.contoso.com/hooks/graph");
}

TEST_CASE("a changed address or secret: a new subscription, and the old one is deleted") {
  SubscriptionWorld world;
  world.renew();
  const Uuid old = world.only().id;
  SECTION("address") {
    world.options.subscriptions.hook_url = "https://new.contoso.com/hooks/graph";
  }
  SECTION("address, where Graph allows two of a kind") {
    world.options.subscriptions.hook_url = "https://new.contoso.com/hooks/graph";
    world.state.faults.duplicate_subscriptions = true;
  }
  SECTION("secret") {
    world.options.subscriptions.client_state = config::Secret("another");
  }
  const Json result = world.renew();
  CHECK(result["created"] == true);
  CHECK(result["removed"] == 1);
  CHECK(world.only().id != old);
  CHECK(world.only().url == world.options.subscriptions.hook_url);
  CHECK(world.only().client_state == world.options.subscriptions.client_state.reveal());
  CHECK(world.rows() == Rows{"active " + world.only().id.to_string()});
}

TEST_CASE("a new address that does not answer leaves the old subscription where it is") {
  SubscriptionWorld world;
  world.renew();
  world.state.faults.duplicate_subscriptions = true;
  world.state.handshake_failure = "Subscription validation request timed out.";
  world.options.subscriptions.hook_url = "https://new.contoso.com/hooks/graph";
  CHECK(world.refusal() == "hook_unreachable");
  CHECK(world.only().url == hook);
}

TEST_CASE("without the settings the subscription is deleted, and then there is nothing to do") {
  SubscriptionWorld world;
  world.renew();
  world.options.subscriptions.hook_url.clear();
  const Json tick = {
      {"schedule_id", "s"}, {"due_at", "d"}, {"schedule_name", "n"}, {"operation", "renew-subscriptions"}};
  const auto commands = [&] {
    return Handler{world.database, world.client, nullptr, world.clock, world.metrics, world.options}.expand(
        tick, {});
  };
  CHECK(commands().size() == 1);
  CHECK(world.renew()["removed"] == 1);
  CHECK(world.at_graph().empty());
  CHECK(world.rows().empty());
  CHECK(commands().empty());
}

TEST_CASE("what Graph refuses becomes a finding with its cure, which goes when it is mended") {
  SubscriptionWorld world;
  const bool standing = GENERATE(false, true);
  if (standing) {
    world.renew();
    world.only().expires_at = world.clock.wall() + 1h;
  }
  SECTION("no permission") {
    world.state.faults.subscriptions = 403;
    CHECK(world.refusal() == "graph_not_permitted");
    CHECK(world.finding().second.find("Group.Read.All") != std::string::npos);
  }
  SECTION("our hook does not answer") {
    if (standing) world.state.subscriptions.clear();
    world.state.handshake_failure = "Subscription validation request failed.";
    CHECK(world.refusal() == "hook_unreachable");
    CHECK(world.finding().second.find("ROLLCALL_PUBLIC_URL") != std::string::npos);
  }
  CHECK(world.database.query("SELECT failure FROM sync.subscriptions")[0].text(0) == world.finding().first);
  CHECK(world.refusal() == world.finding().first);
  world.state.faults.subscriptions = 0;
  world.state.handshake_failure.clear();
  world.renew();
  CHECK(world.finding().first.empty());
  CHECK(world.at_graph().size() == 1);
}

TEST_CASE("Graph is away: the run is tried again, and nobody is bothered at first") {
  SubscriptionWorld world;
  world.state.faults.subscriptions = 503;
  CHECK_THROWS_AS(world.run(), Error);
  CHECK(world.finding().first.empty());
}

TEST_CASE("two workers at once make one subscription, though Graph would give them two") {
  SubscriptionWorld world;
  world.state.faults.duplicate_subscriptions = true;
  std::vector<worker::Outcome> outcomes(4, worker::Done{});
  {
    std::vector<std::jthread> workers;
    for (auto& outcome : outcomes)
      workers.emplace_back([&] { outcome = world.run(); });
  }
  CHECK(world.at_graph().size() == 1);
  CHECK(world.rows().size() == 1);
  for (const auto& outcome : outcomes)
    CHECK((std::holds_alternative<worker::Done>(outcome) ||
           std::holds_alternative<worker::WaitUntil>(outcome)));
}

TEST_CASE("the turn of a run that died ends by time; the run itself gets it again at once") {
  SubscriptionWorld world;
  const Uuid run = crypto::new_uuid();
  CHECK_THROWS_AS(world.attempt(run, [] { throw Error(Fault::conflict, "claim_lost", "killed"); }), Error);
  CHECK(std::holds_alternative<worker::WaitUntil>(world.run()));
  CHECK(std::holds_alternative<worker::Done>(world.attempt(run)));
  CHECK_THROWS_AS(world.attempt(run, [] { throw Error(Fault::conflict, "claim_lost", "killed"); }), Error);
  world.database.execute("UPDATE sync.subscription_turns SET until = now()");
  CHECK(std::holds_alternative<worker::Done>(world.run()));
}
