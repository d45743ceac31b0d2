#pragma once
#include "common/crypto/crypto.h"
#include "common/graph/token_source.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/run_context.h"
#include "tests/fakes/sandbox_answer.h"
#include "tests/support/services.h"
#include "workers/token_renewal/handler.h"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::token_renewal::test {

inline const std::string hook = "https://rollcall.contoso.com/hooks/graph";

/// A tenant in the sandbox without a socket, a database of its own, and runs handed to the worker's handler.
struct SubscriptionWorld {
  postgres::Database database{{.url = rollcall::test::migrated_database()}};
  sandbox_graph::State state;
  std::mutex one_at_a_time;
  /// Answers instead of the sandbox where it returns something.
  std::function<std::optional<http_client::Response>(const http_client::Request&)> instead;
  fakes::FakeTransport entra{[](const http_client::Request&) {
    return fakes::FakeTransport::answer(200, R"({"expires_in":3599,"access_token":"t"})");
  }};
  fakes::FakeTransport transport{[this](const http_client::Request& request) { return answer(request); }};
  SystemClock clock;
  graph::TokenSource tokens{entra, clock, {}};
  graph::Governor governor{{}, clock};
  metrics::Registry metrics{"token-renewal"};
  graph::Client client{transport, tokens, governor, clock, {.root = "http://sandbox", .read_attempts_max = 1},
                       metrics};
  HandlerOptions options{.subscriptions = {.tenant_id = "tenant",
                                           .hook_url = hook,
                                           .client_state = config::Secret("client-state-secret")}};

  SubscriptionWorld() { state.tokens["t"] = clock.wall() + std::chrono::hours(24); }

  http_client::Response answer(const http_client::Request& request) {
    if (instead)
      if (auto given = instead(request)) return *given;
    const std::lock_guard lock(one_at_a_time);
    const auto said = fakes::sandbox_answer(state, request, clock.wall());
    return fakes::FakeTransport::answer(said.status, said.body, said.headers);
  }

  worker::Outcome attempt(const Uuid& run_id, const std::function<void()>& before_checkpoint = {}) {
    Handler handler{database, client, nullptr, clock, metrics, options};
    fakes::RunContext context{database};
    context.before_checkpoint = before_checkpoint;
    worker::Run run;
    run.id = run_id;
    run.tenant_id = "tenant";
    run.operation = "renew-subscriptions";
    run.caller_identity = "schedule:subscriptions";
    return handler.handle(run, context);
  }
  worker::Outcome run() { return attempt(crypto::new_uuid()); }
  /// Of a run that is done.
  Json renew() {
    const auto outcome = run();
    if (const auto* failed = std::get_if<worker::Failed>(&outcome))
      throw std::runtime_error(failed->code + ": " + failed->message);
    return std::get<worker::Done>(outcome).result;
  }
  /// The reason of a run that failed.
  std::string refusal() {
    const auto outcome = run();
    const auto* failed = std::get_if<worker::Failed>(&outcome);
    return failed == nullptr ? "" : failed->code;
  }

  [[nodiscard]] const std::vector<sandbox_graph::Subscription>& at_graph() const {
    return state.subscriptions;
  }
  sandbox_graph::Subscription& only() {
    if (state.subscriptions.size() != 1) throw std::runtime_error("not one subscription");
    return state.subscriptions[0];
  }
  /// "active ID" of each row.
  std::vector<std::string> rows() {
    std::vector<std::string> all;
    for (const auto& row :
         database.query("SELECT state, subscription_id FROM sync.subscriptions ORDER BY created_at"))
      all.push_back(row.text(0) + (row.is_null(1) ? "" : " " + row.text(1)));
    return all;
  }
  void notice(const Uuid& subscription, const std::string& event) {
    database.execute(
        "INSERT INTO sync.subscription_notices (subscription_id, event, tenant_id) VALUES ($1::uuid, $2, "
        "'tenant')",
        {postgres::value(subscription), postgres::value(event)});
  }
  long notices() { return database.query("SELECT count(*) FROM sync.subscription_notices")[0].number(0); }
  /// Ticks to member-sync.
  long sweeps() {
    long count = 0;
    for (const auto& row : database.query("SELECT messages FROM ops.outbox"))
      for (const auto& message : runs::read_outbox(row.json(0)))
        if (message.topic == "rollcall.member-sync.ticks") ++count;
    return count;
  }
  /// Reason and remedy of the finding that stands; empty: none does.
  std::pair<std::string, std::string> finding() {
    const auto found = database.query(
        "SELECT evidence->>'reason', remedy FROM advisor.findings WHERE rule = "
        "'token_renewal.subscription_failing' AND state <> 'resolved'");
    if (found.empty()) return {};
    return {found[0].text(0), found[0].text(1)};
  }
};

}  // namespace rollcall::token_renewal::test
