#pragma once
#include "tests/integration/front/world.h"
#include "tests/support/catch.h"
#include "workers/front/adapters/call_ledger.h"
#include "workers/front/api/routes.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// All operations of the front over a database of their own.
namespace rollcall::front_test {

class Areas {
 public:
  /// Nothing is taken away from the outbox, so that tests find in it what was stored.
  Areas()
      : producer_(front_test::nowhere()),
        world(migrated_database(), [this](World& made) { return make(made); }) {}
  ~Areas() {
    world.pipeline.reset();
    outbox_.reset();
  }
  Areas(const Areas&) = delete;
  Areas& operator=(const Areas&) = delete;

  front::Response ask(const std::string& method, const std::string& target, const std::string& token,
                      const Json& body = nullptr, http_server::Headers headers = {}) {
    return world.ask(
        {method, target, token, body.is_null() ? std::string() : dump(body), std::move(headers)});
  }
  front::Response get(const std::string& target, const std::string& token) {
    return ask("GET", target, token);
  }
  /// All items of a list, page by page, each as small as asked for; counts them.
  std::vector<Json> walk(std::string target, const std::string& token, int* pages = nullptr) {
    std::vector<Json> items;
    for (int page = 1; page < 1'000; ++page) {
      const auto answer = get(target, token);
      REQUIRE(answer.status == 200);
      const Json body = World::json(answer);
      for (const auto& one : body["value"])
        items.push_back(one);
      if (pages) *pages = page;
      if (!body.contains("nextLink")) return items;
      target = body["nextLink"].get<std::string>().substr(std::string("http://rollcall.test").size());
    }
    FAIL("the pages do not end");
    return items;
  }

  /// What stands in the outbox for this topic, oldest first.
  std::vector<Json> stored(const std::string& topic) {
    std::vector<Json> values;
    for (const auto& row : world.database.query("SELECT m.one->>'payload' FROM ops.outbox o, "
                                                "jsonb_array_elements(o.messages) WITH ORDINALITY AS "
                                                "m(one, n) WHERE m.one->>'topic' = $1 ORDER BY o.id, m.n",
                                                {postgres::value(topic)}))
      values.push_back(Json::parse(row.text(0)));
    return values;
  }
  std::vector<std::string> audited() {
    std::vector<std::string> actions;
    for (const auto& event : stored("rollcall.audit"))
      actions.push_back(event["action"]);
    return actions;
  }
  [[nodiscard]] const front::Routes& routes() const { return routes_; }
  front::Parts& parts() { return *parts_; }

 private:
  front::Routes make(World& made) {
    outbox_ = std::make_unique<runs::OutboxPublisher>(made.database, producer_);
    parts_.emplace(front::Parts{made.database, *outbox_, made.pool, made.clock, entra::tenant});
    parts_->kafka = {test::kafka_brokers(), "front-test", {}};
    parts_->hooks = {"only-graph-knows-this", std::chrono::seconds{60}};
    parts_->metrics = &made.metrics;
    parts_->components = &made.components;
    ledger_.emplace(front::CallLedger::Parts{made.database, *outbox_, made.pool, made.clock, made.metrics,
                                             entra::tenant, "front/test"});
    parts_->ledger = &*ledger_;
    routes_ = front::all_routes(*parts_);
    return routes_;
  }

  kafka::Producer producer_;
  std::unique_ptr<runs::OutboxPublisher> outbox_;
  std::optional<front::CallLedger> ledger_;
  std::optional<front::Parts> parts_;
  front::Routes routes_;

 public:
  World world;
};

inline std::string code_of(const front::Response& response) {
  return World::json(response)["code"];
}
/// Where the first mistake is.
inline std::string pointer_of(const front::Response& response) {
  return World::json(response)["errors"][0]["pointer"];
}

}  // namespace rollcall::front_test
