#pragma once
#include "common/crypto/crypto.h"
#include "common/vault/grant_store.h"
#include "common/vault/grants.h"
#include "common/vault/links.h"
#include "common/vault/token_endpoint.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

/// People of the sandbox's tenant who connected something, and processes that renew it.
namespace rollcall::vault_test {

inline const std::string sandbox_root = "http://sandbox";
inline const std::string tenant = "7e2a1c00-5a1e-4c0d-8e11-0000000000f0";
inline const std::string client = "7e2a1c00-5a1e-4c0d-8e11-0000000000c1";

/// A key's line; `letter` makes it another key.
inline std::string key_line(const std::string& id, char letter) {
  return id + ":" + crypto::base64url(std::string(32, letter)) + "\n";
}

/// Entra without a socket.
struct Entra {
  std::mutex mutex;
  sandbox_graph::State state;
  fakes::ManualClock clock;
  int asked = 0;
  /// Runs when an answer is there and has not arrived yet; may put another in its place.
  std::function<void(http_client::Response&)> before_arrival;
  fakes::FakeTransport transport{[this](const http_client::Request& request) {
    http_client::Response response;
    {
      const std::lock_guard lock(mutex);
      ++asked;
      clock.advance(std::chrono::seconds(1));
      const auto said = sandbox_graph::handle(
          {request.method, request.url.substr(sandbox_root.size()), {{"Host", "sandbox"}}, request.body},
          state, clock.wall());
      response = said.status == 0 ? fakes::FakeTransport::lost(true)
                                  : fakes::FakeTransport::answer(said.status, said.body, said.headers);
    }
    if (const auto hook = before_arrival) hook(response);  // a copy: it may put another in its place
    return response;
  }};

  Entra() { control("seed", {{"generate", {{"users", 5}}}}); }

  void control(const std::string& what, const Json& body) {
    const std::lock_guard lock(mutex);
    const auto said = sandbox_graph::handle({"POST", "/sandbox/" + what, {{"Host", "sandbox"}}, body.dump()},
                                            state, clock.wall());
    REQUIRE(said.status == 200);
  }
  [[nodiscard]] const sandbox_graph::User& person(std::size_t number) const {
    return state.directory.users[number];
  }
  /// What a sign-in by that link comes back with.
  std::string code(const std::string& link, const sandbox_graph::User& person) {
    const std::lock_guard lock(mutex);
    const auto said = sandbox_graph::handle(
        {"GET", link.substr(sandbox_root.size()) + "&login_hint=" + person.upn, {{"Host", "sandbox"}}, ""},
        state, clock.wall());
    REQUIRE(said.status == 302);
    for (const auto& [name, value] : said.headers)
      if (name == "Location") {
        const auto at = value.find("code=") + 5;
        return value.substr(at, value.find('&', at) - at);
      }
    return {};
  }
};

inline graph::Credentials credentials() {
  graph::Credentials all;
  all.authority = sandbox_root;
  all.tenant_id = tenant;
  all.client_id = client;
  all.secret = config::Secret("secret");
  return all;
}

/// One process.
struct Process {
  fakes::ManualClock clock;
  postgres::Database database;
  vault::Keyring keyring;
  vault::TokenEndpoint endpoint;
  vault::Renewer renewer{database, endpoint, keyring, "process"};
  vault::Grants grants{database, keyring, renewer};

  Process(const postgres::Options& options, Entra& entra, std::unique_ptr<vault::KeyProvider> keys,
          graph::Credentials who = credentials())
      : database(options),
        keyring(std::move(keys), clock),
        endpoint(entra.transport, clock, who, sandbox_root) {}
};

struct World {
  postgres::Options options;
  Entra entra;
  std::unique_ptr<Process> one, other;
  vault::GrantKey key{tenant, entra.person(0).id, vault::Connector::mail};
  Uuid grant;

  World() : World([] { return vault::fixed_keys(key_line("k1", 'a')); }) {}
  explicit World(const std::function<std::unique_ptr<vault::KeyProvider>()>& keys) {
    options.url = test::migrated_database();
    one = std::make_unique<Process>(options, entra, keys());
    other = std::make_unique<Process>(options, entra, keys());
    grant = connect(key, 0);
    entra.asked = 0;
  }

  /// As the front does it.
  Uuid connect(const vault::GrantKey& whose, std::size_t number) {
    const std::string verifier = vault::random_secret();
    const std::string back = "http://rollcall.test/oauth/callback";
    const auto link = vault::sign_in_link(
        credentials(), sandbox_root, {back, "state", "nonce", crypto::base64url(crypto::sha256(verifier))},
        whose.connector, false);
    const auto reply =
        one->endpoint.redeem(entra.code(link, entra.person(number)), verifier, back, whose.connector, false);
    REQUIRE(reply.tokens);
    const vault::NewGrant made{
        whose,
        false,
        vault::granted_scopes(reply.tokens->scope),
        client,
        vault::seal_tokens(one->keyring, {reply.tokens->access_token, reply.tokens->refresh_token}, whose),
        reply.tokens->lifetime};
    one->database.transact([&](postgres::Transaction& transaction) {
      vault::save_connected(transaction, made, {tenant, "test", one->clock.wall()});
    });
    return one->database
        .query("SELECT id FROM vault.grants WHERE person = $1::uuid AND connector = $2",
               {postgres::value(whose.person), postgres::value(to_string(whose.connector))})[0]
        .uuid(0);
  }

  postgres::Rows query(const std::string& sql) { return one->database.query(sql); }
  std::string column(const std::string& name) {
    return one->database
        .query("SELECT " + name + "::text FROM vault.grants WHERE id = $1::uuid", {postgres::value(grant)})[0]
        .text(0);
  }
  /// An hour goes by, as the database sees it.
  void expire() {
    one->database.execute(
        "UPDATE vault.grants SET expires_at = now(), refreshed_at = now() - interval '1 "
        "hour', refresh_after = now() - interval '5 minutes'");
  }
  void end_leases() { one->database.execute("UPDATE vault.grants SET lease_until = now()"); }
  void revoke(const std::string& how = "sessions") {
    entra.control("revoke", {{"user", key.person.to_string()}, {"how", how}});
  }
  vault::AccessToken token() { return one->grants.access_token(key, {}); }
};

}  // namespace rollcall::vault_test
