#include "common/core/error.h"
#include "common/core/waiting.h"
#include "tests/integration/auth/vault_world.h"

#include <set>
#include <thread>

/// What people granted stays usable: whoever renews it, whenever somebody dies over it, whatever Entra ID
/// says.
using namespace rollcall;
using namespace rollcall::vault_test;
using vault::Refreshed;
using vault::When;
using namespace std::chrono_literals;

namespace {

/// What the process that stops here never gets to do.
struct Killed {};

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return "nothing";
}

long count(World& w, const std::string& from) {
  return w.query("SELECT count(*) FROM " + from)[0].number(0);
}

}  // namespace

TEST_CASE("A token is served from the vault until it ends, and renewed then") {
  World w;
  const auto first = w.token();
  CHECK(first.scopes == std::vector<std::string>{"Mail.Read"});
  CHECK_FALSE(first.may_write);
  CHECK(w.token().token == first.token);
  CHECK(w.entra.asked == 0);
  w.expire();
  const auto second = w.token();
  CHECK(w.entra.asked == 1);
  CHECK(second.token != first.token);
  CHECK(w.entra.state.tokens.contains(second.token));  // Graph takes it
  CHECK(w.column("generation") == "2");
  CHECK(w.other->grants.access_token(w.key, {}).token == second.token);
  CHECK(w.entra.asked == 1);
}

TEST_CASE("Neither table nor outbox holds a token that anyone could use") {
  World w;
  const auto token = w.token().token;
  const auto tokens = vault::open_tokens(w.one->keyring, {w.column("key_id"), w.column("sealed")}, w.key);
  REQUIRE(tokens->access_token == token);
  for (const auto& secret : {tokens->access_token, tokens->refresh_token})
    for (const char* table : {"vault.grants", "ops.outbox", "advisor.findings"})
      CHECK(w.one->database
                .query(std::string("SELECT 1 FROM ") + table + " t WHERE position($1 in t::text) > 0",
                       {postgres::value(secret)})
                .empty());
}

TEST_CASE("Many ask at once in two processes: Entra ID is asked once") {
  World w;
  w.expire();
  w.entra.before_arrival = [](http_client::Response&) { pause(300ms, {}); };
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const auto token = (i % 2 == 0 ? w.one : w.other)->grants.access_token(w.key, {}).token;
      const std::lock_guard lock(mutex);
      seen.insert(token);
    });
  threads.clear();
  CHECK(w.entra.asked == 1);
  CHECK(seen.size() == 1);
}

TEST_CASE("Two renewers at once: one renews, the other goes on") {
  World w;
  w.expire();
  vault::RefreshOutcome second;
  w.entra.before_arrival = [&](http_client::Response&) {
    w.entra.before_arrival = nullptr;
    CHECK(vault::due_grants(w.other->database, 10).empty());  // somebody is at it
    second = w.other->renewer.refresh(w.grant, {});
  };
  CHECK(w.one->renewer.refresh(w.grant, {}).refreshed == Refreshed::renewed);
  CHECK(second.refreshed == Refreshed::busy);
  CHECK(w.other->renewer.refresh(w.grant, {}).refreshed == Refreshed::not_due);
  CHECK(w.entra.asked == 1);
}

TEST_CASE("Dying between Entra ID's answer and the save loses nothing") {
  World w;
  w.expire();
  w.entra.before_arrival = [](http_client::Response&) { throw Killed{}; };
  CHECK_THROWS_AS(w.one->renewer.refresh(w.grant, {}), Killed);
  w.entra.before_arrival = nullptr;
  CHECK(w.other->renewer.refresh(w.grant, {}).refreshed == Refreshed::busy);  // the dead one's lease
  w.end_leases();
  CHECK(vault::due_grants(w.other->database, 10) == std::vector<Uuid>{w.grant});
  CHECK(w.other->renewer.refresh(w.grant, {}).refreshed == Refreshed::renewed);
  CHECK(w.column("state") == "connected");
  CHECK(w.entra.state.tokens.contains(w.token().token));
}

TEST_CASE("An answer that is lost on the way is asked for again") {
  World w;
  w.expire();
  w.entra.before_arrival = [&](http_client::Response& response) {
    w.entra.before_arrival = nullptr;
    response = fakes::FakeTransport::lost(true);
  };
  CHECK(w.one->renewer.refresh(w.grant, {}).refreshed == Refreshed::renewed);
  CHECK(w.entra.asked == 2);
}

TEST_CASE("A process that was stopped for long changes nothing when it wakes") {
  World w;
  w.expire();
  std::string newest;
  const auto overtaken = [&](bool refused) {
    w.entra.before_arrival = [&, refused](http_client::Response& response) {
      w.entra.before_arrival = nullptr;
      w.end_leases();
      CHECK(w.other->renewer.refresh(w.grant, {}, When::now).refreshed == Refreshed::renewed);
      newest = w.column("sealed");
      if (refused) response = fakes::FakeTransport::answer(400, R"({"error":"invalid_grant"})");
    };
    CHECK(w.one->renewer.refresh(w.grant, {}, When::now).refreshed == Refreshed::not_due);
    CHECK(w.column("sealed") == newest);
    CHECK(w.column("state") == "connected");
  };
  overtaken(false);
  overtaken(true);  // a refusal of the old token says nothing of the new one
  CHECK(count(w, "advisor.findings") == 0);
}

TEST_CASE("Disconnected while it was being renewed, it stays so") {
  World w;
  w.expire();
  w.entra.before_arrival = [&](http_client::Response&) {
    w.other->database.transact([&](postgres::Transaction& transaction) {
      CHECK(vault::disconnect(transaction, w.key, {tenant, "test", w.one->clock.wall()}));
    });
  };
  CHECK(w.one->renewer.refresh(w.grant, {}).refreshed == Refreshed::not_due);
  CHECK(w.column("state") == "disconnected");
  CHECK(w.column("sealed").empty());
  CHECK(code_of([&] { w.token(); }) == "not_connected");
}

TEST_CASE("A grant that Entra ID ended: a finding, and the person must connect again") {
  struct End {
    const char *how, *reason;
  };
  for (const End& end : {End{"sessions", "grant_revoked"}, End{"consent", "grant_needs_consent"},
                         End{"policy", "grant_needs_sign_in"}}) {
    INFO(end.how);
    World w;
    const vault::GrantKey calendar{tenant, w.entra.person(1).id, vault::Connector::calendar};
    w.connect(calendar, 1);
    w.expire();
    w.revoke(end.how);
    CHECK(code_of([&] { w.token(); }) == "reconnect_needed");
    CHECK(w.column("state") == "reconnect");
    CHECK(w.column("reason") == end.reason);
    CHECK(w.column("sealed").empty());
    const auto finding = w.query(
        "SELECT subject, evidence->>'person', state FROM advisor.findings WHERE rule "
        "= 'vault.grant_over'");
    REQUIRE(finding.size() == 1);
    CHECK(finding[0].text(0) == w.grant.to_string());
    CHECK(finding[0].text(1) == w.key.person.to_string());
    CHECK(count(w, "ops.outbox WHERE messages::text LIKE '%connection_lost%'") == 1);
    w.entra.asked = 0;
    CHECK(code_of([&] { w.token(); }) == "reconnect_needed");  // not asked again
    CHECK(w.entra.asked == 0);
    CHECK_FALSE(w.one->grants.access_token(calendar, {}).token.empty());  // others go on
    w.connect(w.key, 0);
    CHECK_FALSE(w.token().token.empty());
    CHECK(count(w, "advisor.findings WHERE state <> 'resolved'") == 0);
  }
}

TEST_CASE("What is Entra ID's bad minute, or our own setting, ends no grant") {
  struct Case {
    http_client::Response answer;
    Refreshed refreshed;
  };
  using fakes::FakeTransport;
  const std::vector<Case> cases = {
      {FakeTransport::answer(429, "{}", {{"Retry-After", "120"}}), Refreshed::postponed},
      // A client that asks too often is told so as invalid_grant.
      {FakeTransport::answer(400, R"({"error":"invalid_grant","error_codes":[50196]})"),
       Refreshed::postponed},
      {FakeTransport::answer(401, R"({"error":"invalid_client","error_codes":[7000222]})"),
       Refreshed::refused},
      {FakeTransport::answer(400, R"({"error":"unauthorized_client"})"), Refreshed::refused},
  };
  World w;
  for (const auto& one : cases) {
    INFO(one.answer.body);
    w.expire();
    w.entra.before_arrival = [&](http_client::Response& response) { response = one.answer; };
    const auto outcome = w.one->renewer.refresh(w.grant, {});
    CHECK(outcome.refreshed == one.refreshed);
    CHECK(outcome.retry_after.value_or(0ms) >= (one.answer.status == 429 ? 120s : 1s));
    CHECK(w.column("state") == "connected");
    CHECK(vault::due_grants(w.one->database, 10).empty());  // not before its time
    w.entra.asked = 0;
    CHECK(code_of([&] { w.token(); }) == "graph_unavailable");
    CHECK(w.entra.asked == 0);
  }
  // A token that has minutes left is served meanwhile.
  w.query("UPDATE vault.grants SET expires_at = now() + interval '2 minutes' RETURNING 1");
  CHECK_FALSE(w.token().token.empty());
  w.entra.before_arrival = nullptr;
  w.expire();
  CHECK(w.one->renewer.refresh(w.grant, {}).refreshed == Refreshed::renewed);
  CHECK(w.column("failures") == "0");
}

TEST_CASE("Renewal is due before the end where it is used, and once a day where not") {
  World w;
  const auto due_in = [&] {
    return w.query("SELECT extract(epoch FROM refresh_after - now())::bigint FROM vault.grants")[0].number(0);
  };
  CHECK(due_in() > 20 * 3600);
  CHECK(vault::due_grants(w.one->database, 10).empty());
  w.token();
  const long soon = due_in();
  CHECK(soon > 40 * 60);  // of 60 to 90 minutes
  CHECK(soon < 90 * 60 - 5 * 60);
  w.token();
  CHECK(due_in() <= soon);  // marked once a lifetime: one write an hour
  w.expire();
  CHECK(vault::due_grants(w.one->database, 10) == std::vector<Uuid>{w.grant});
}

TEST_CASE("Tokens of another app are not sent to Entra ID, nor given up") {
  World w;
  auto who = credentials();
  who.client_id = "7e2a1c00-5a1e-4c0d-8e11-0000000000c2";
  Process stranger(w.options, w.entra, vault::fixed_keys(key_line("k1", 'a')), who);
  w.expire();
  const auto outcome = stranger.renewer.refresh(w.grant, {});
  CHECK(outcome.refreshed == Refreshed::refused);
  CHECK(outcome.code == "grant_of_another_app");
  CHECK(w.entra.asked == 0);
  CHECK(w.column("state") == "connected");
}
