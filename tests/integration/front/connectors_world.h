#pragma once
#include "common/config/settings.h"
#include "common/vault/grant_store.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/integration/front/world.h"
#include "tests/support/catch.h"
#include "workers/front/connectors/connectors.h"

#include <algorithm>
#include <map>
#include <mutex>

/// Connectors over a sandbox behind a socket, as slow as it is told to be, and people with grants in
/// PostgreSQL.
namespace rollcall::front_test {

/// Remembers what is asked; the network does the rest.
class WatchedTransport final : public http_client::Transport {
 public:
  void start(http_client::Request request, OnDone done) override {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    curl_.start(std::move(request), std::move(done));
  }
  std::vector<http_client::Request> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<http_client::Request> requests_;
  http_client::CurlTransport curl_;
};

struct SlowSandbox {
  std::mutex mutex;
  sandbox_graph::State state;
  SystemClock clock;
  std::chrono::milliseconds latency{0};
  std::atomic<http_server::Server*> timers = nullptr;
  http_server::Server server;

  SlowSandbox()
      : server({.port = 0}, [this](http_server::Request request, http_server::Respond respond) {
          const std::lock_guard lock(mutex);
          const auto mailbox = sandbox_graph::begin_mailbox(state, request);
          auto end = [this, mailbox, respond, response = handle(request, state, clock.wall())]() mutable {
            const std::lock_guard again(mutex);
            sandbox_graph::end_mailbox(state, mailbox);
            if (response.status != 0) respond(std::move(response));
          };
          timers.load()->after(latency, std::move(end));
        }) {
    timers = &server;
    control("seed", {{"generate", {{"users", 5}}}});
  }
  [[nodiscard]] std::string root() const { return "http://127.0.0.1:" + std::to_string(server.port()); }
  void control(const std::string& what, const Json& body) {
    const std::lock_guard lock(mutex);
    handle({"POST", "/sandbox/" + what, {{"Host", "sandbox"}}, dump(body)}, state, clock.wall());
  }
  template <class Work>
  auto with(Work work) {
    const std::lock_guard lock(mutex);
    return work(state);
  }
};

struct ConnectorsWorld {
  SystemClock clock;
  metrics::Registry metrics{"front"};
  SlowSandbox sandbox;
  WatchedTransport transport;
  postgres::Database database{migrated_database()};
  kafka::Producer producer{nowhere()};
  runs::OutboxPublisher outbox{database, producer};
  fakes::FakeTransport nobody;
  auth::Authenticator authenticator{entra::settings(), nobody, clock, metrics};
  vault::Keyring keyring{vault::fixed_keys("k1:" + crypto::base64url(std::string(32, 'a'))), clock};
  vault::TokenEndpoint endpoint{transport, clock, credentials(), sandbox.root()};
  front::Vault vault{keyring, endpoint, authenticator, "https://rollcall.contoso.example"};
  front::Connectors connectors{{database, vault, transport, clock, metrics, sandbox.root(), "front/1",
                                std::chrono::milliseconds{3'000}}};
  front::Pool pool{2, 100};
  front::Parts parts{.database = database,
                     .outbox = outbox,
                     .pool = pool,
                     .clock = clock,
                     .tenant_id = entra::tenant,
                     .vault = &vault,
                     .connectors = &connectors};
  front::Routes routes = front::connector_routes(parts);
  schema::Validator components = front::component_validator();

  [[nodiscard]] graph::Credentials credentials() const {
    graph::Credentials all;
    all.authority = sandbox.root();
    all.tenant_id = entra::tenant;
    all.client_id = entra::client;
    all.secret = config::Secret("secret");
    return all;
  }
  static Uuid person(int number) {
    return *Uuid::parse("00000001-0000-4000-8000-00000000000" + std::to_string(number));
  }
  /// Connected, with a token that Graph knows, unless `token_good` is false, and one to renew it with.
  void grant(int number, vault::Connector connector, bool may_write = false, bool token_good = true) {
    std::vector<std::string> scopes;
    std::string scope = "offline_access";
    for (const auto& permission : vault::permissions_of(connector, may_write)) {
      scopes.emplace_back(permission.scope);
      scope += " " + sandbox.root() + "/" + std::string(permission.scope);
    }
    const std::string name = std::to_string(number) + to_string(connector) + (may_write ? "w" : "r");
    sandbox.with([&](sandbox_graph::State& state) {
      if (token_good) {
        state.tokens["access-" + name] = clock.wall() + std::chrono::hours(1);
        state.delegations["access-" + name] = {person(number), scopes};
      }
      state.entra.refresh_tokens["refresh-" + name] = {entra::client, scope, "", person(number),
                                                       clock.wall()};
    });
    const vault::GrantKey key{entra::tenant, person(number), connector};
    database.transact([&](postgres::Transaction& transaction) {
      return vault::save_connected(
          transaction,
          {key, may_write, scopes, entra::client,
           vault::seal_tokens(keyring, {"access-" + name, "refresh-" + name}, key), std::chrono::hours(1)},
          {entra::tenant, "test", clock.wall()});
    });
  }

  using Parameters = std::vector<std::pair<std::string, std::string>>;
  front::Response ask(const std::string& id, int number, const Parameters& query = {}, Json body = nullptr,
                      Uuid intent = crypto::new_uuid()) {
    const auto route =
        std::ranges::find_if(routes, [&](const front::Route& one) { return one.operation.id == id; });
    REQUIRE(route != routes.end());
    auto reading = front::read_query(query, route->operation.query);
    if (!reading.mistakes.empty())
      return front::problem_answer({400, "query_invalid", "", std::move(reading.mistakes)}, "r");
    front::Call call;
    call.public_root = "https://rollcall.contoso.example";
    call.query = std::move(reading.query);
    call.body = std::move(body);
    call.intent = intent;
    call.now = clock.wall();
    call.caller.tenant_id = entra::tenant;
    call.caller.object_id = person(number).to_string();
    try {
      auto answer = route->handle(call);
      const auto mistakes = components.mistakes(route->operation.answers[0].schema, Json::parse(answer.body));
      for (const auto& mistake : mistakes)
        FAIL_CHECK(id + ": " + mistake.pointer + " " + mistake.what);
      return answer;
    } catch (...) {
      return front::problem_answer(front::refusal_for(std::current_exception(), "r", id), "r");
    }
  }
  Json get(const std::string& id, int number, const Parameters& query = {}) {
    const auto answer = ask(id, number, query);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    const Json body = Json::parse(answer.body);
    CHECK(body["untrusted"] == true);
    return body;
  }
  std::string code(const front::Response& response) { return Json::parse(response.body)["code"]; }
  std::string state_of(int number) {
    return vault::grants_of(database, entra::tenant, person(number)).at(0).state;
  }
};

}  // namespace rollcall::front_test
