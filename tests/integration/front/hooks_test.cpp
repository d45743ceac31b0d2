#include "tests/integration/front/areas.h"
#include "tests/unit/http_server/wire.h"

#include <future>
#include <latch>
#include <thread>

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

const std::string group = "5f9d0a11-0000-4000-8000-000000000001";
const std::string subscription = "6f9d0a11-0000-4000-8000-000000000001";

struct Hook {
  Areas areas;
  Uuid id = areas.world.add_organization("Contoso");
  Hook() {
    areas.world.database.execute("UPDATE directory.organizations SET microsoft_group = $1::uuid",
                                 {postgres::value(group)});
  }
  static Json notification(const Json& changes = Json::object()) {
    Json one = {{"subscriptionId", subscription},  {"clientState", "only-graph-knows-this"},
                {"changeType", "updated"},         {"resource", "Groups/" + group},
                {"resourceData", {{"id", group}}}, {"tenantId", entra::tenant}};
    one.merge_patch(changes);
    return one;
  }
  front::Response post(const Json& notifications) {
    const Json list = notifications.is_array() ? notifications : Json::array({notifications});
    return areas.ask("POST", "/hooks/graph", "", {{"value", list}});
  }
  std::size_t runs() {
    return areas.world.database
        .query(
            "SELECT FROM ops.runs WHERE organization_id = $1::uuid AND worker = 'member-sync' AND operation "
            "= "
            "'sync-members' AND state = 'waiting' AND error_code = 'debounced' AND caller_identity = "
            "'graph-notification'",
            {postgres::value(id)})
        .size();
  }
  /// How many were not believed, by the metrics.
  double refused() const {
    const std::string text = areas.world.metrics.render();
    for (std::size_t at = text.find("rollcall_graph_notifications_total{"); at != std::string::npos;
         at = text.find("rollcall_graph_notifications_total{", at + 1)) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      if (line.find("outcome=\"refused\"") != std::string::npos)
        return std::stod(line.substr(line.rfind(' ')));
    }
    return 0;
  }
};

}  // namespace

TEST_CASE("The handshake is answered with the decoded token as plain text, never as HTML") {
  Areas areas;
  const auto answer = areas.ask("POST", "/hooks/graph?validationToken=Validation%3A+a%3Cb%3E", "");
  CHECK(answer.status == 200);
  CHECK(answer.body == "Validation: a<b>");
  CHECK(World::header(answer, "Content-Type").starts_with("text/plain"));
  CHECK(World::header(answer, "X-Content-Type-Options") == "nosniff");
  CHECK(areas.ask("POST", "/hooks/graph?validationToken=" + std::string(5'000, 'x'), "").status == 400);
}

TEST_CASE("A hundred notifications of a group become one sync") {
  Hook hook;
  Json many = Json::array();
  for (int i = 0; i < 100; ++i)
    many.push_back(Hook::notification());
  CHECK(hook.post(many).status == 202);
  CHECK(hook.runs() == 1);
  CHECK(hook.post({Hook::notification({{"resource", "groups/" + group + "/members"}})}).status == 202);
  CHECK(hook.runs() == 1);
  CHECK(hook.refused() == 0);
}

TEST_CASE("What Graph did not send, or is about nobody here, is taken and dropped without a word") {
  Hook hook;
  const auto good = hook.post(Json::array());
  for (const Json& changes : std::vector<Json>{{{"clientState", "guess"}},
                                               {{"clientState", nullptr}},
                                               {{"clientState", "only-graph-knows-thi"}},
                                               {{"tenantId", "another"}},
                                               {{"lifecycleEvent", "unheardOf"}}}) {
    INFO(changes.dump());
    const auto answer = hook.post({Hook::notification(changes)});
    CHECK(answer.status == 202);
    CHECK(answer.body == good.body);
  }
  CHECK(hook.refused() == 5);
  for (const Json& changes : std::vector<Json>{{{"resource", "groups/00000000-0000-4000-8000-000000000001"}},
                                               {{"resource", "users/" + group}},
                                               {{"resource", nullptr}}})
    CHECK(hook.post({Hook::notification(changes)}).status == 202);
  CHECK(hook.refused() == 5);
  CHECK(hook.runs() == 0);
  // Another tenant's organization with the same group is not ours to sync.
  hook.areas.world.database.execute("UPDATE directory.organizations SET tenant_id = 'another'");
  CHECK(hook.post({Hook::notification()}).status == 202);
  CHECK(hook.runs() == 0);
}

TEST_CASE("Lifecycle notifications sync, or are kept for whoever renews subscriptions") {
  Hook hook;
  const Json missed = {{"lifecycleEvent", "missed"}};
  CHECK(hook.post({Hook::notification(missed)}).status == 202);
  CHECK(hook.runs() == 1);
  const Json renew = {{"lifecycleEvent", "reauthorizationRequired"},
                      {"subscriptionExpirationDateTime", "2026-02-01T00:00:00Z"}};
  const Json removed = {{"lifecycleEvent", "subscriptionRemoved"}};
  for (int twice = 0; twice < 2; ++twice)
    CHECK(hook.post({Hook::notification(renew), Hook::notification(renew), Hook::notification(removed),
                     Hook::notification({{"lifecycleEvent", "missed"}, {"resource", "groups"}})})
              .status == 202);
  const auto kept = hook.areas.world.database.query(
      "SELECT event, expires_at = '2026-02-01T00:00:00Z' FROM sync.subscription_notices WHERE "
      "subscription_id = "
      "$1::uuid ORDER BY event",
      {postgres::value(subscription)});
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].text(0) == "missed");
  CHECK(kept[1].text(0) == "reauthorizationRequired");
  CHECK(kept[1].flag(1));
  CHECK(kept[2].text(0) == "subscriptionRemoved");
  hook.areas.world.database.execute("DELETE FROM sync.subscription_notices");
  Json forged = renew;
  forged["clientState"] = "guess";
  hook.post({Hook::notification(forged)});
  CHECK(hook.areas.world.database.query("SELECT FROM sync.subscription_notices").empty());
}

TEST_CASE("What is no notification at all is refused; a thousand are taken, one more is not") {
  Hook hook;
  CHECK(hook.areas.ask("POST", "/hooks/graph", "").status == 400);
  CHECK(hook.areas.ask("POST", "/hooks/graph", "", Json::array()).status == 400);
  CHECK(pointer_of(hook.areas.ask("POST", "/hooks/graph", "", {{"value", 7}})) == "/value");
  CHECK(hook.areas.ask("POST", "/hooks/graph", "", {{"value", {7}}}).status == 400);
  Json many = Json::array();
  for (int i = 0; i < 1'000; ++i)
    many.push_back(Hook::notification());
  CHECK(hook.post(many).status == 202);
  CHECK(hook.runs() == 1);
  many.push_back(Hook::notification());
  CHECK(hook.post(many).status == 400);
  CHECK(hook.areas.get("/hooks/graph", "").status == 405);
}

TEST_CASE("Without a client state there is no hook") {
  Areas areas;
  areas.parts().hooks.client_state.clear();
  for (const auto& route : front::hooks_routes(areas.parts()))
    FAIL(route.operation.path);
}

TEST_CASE("Graph is answered in time, whatever PostgreSQL does") {
  Hook hook;
  const auto operation = front::hooks_routes(hook.areas.parts()).at(0).operation;
  CHECK(operation.answer_within > std::chrono::milliseconds(0));
  CHECK(operation.answer_within < std::chrono::seconds(3));
  CHECK(operation.per_second >= 100);
  http_server::Options options;
  options.answer_timeout_for = [&](std::string_view method, std::string_view target) {
    return hook.areas.world.pipeline->answer_timeout(method, target);
  };
  options.refusal = front::Pipeline::refuse;
  const http_server::Server server(options, [&](http_server::Request request, http_server::Respond respond) {
    hook.areas.world.pipeline->serve(std::move(request), std::move(respond));
  });
  const std::string body = dump({{"value", {Hook::notification()}}});
  const std::string request =
      "POST /hooks/graph HTTP/1.1\r\nHost: rollcall.test\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  // Every connection is taken, and stays taken until the answer is there.
  std::promise<void> answered;
  auto until = answered.get_future().share();
  std::vector<std::thread> holders;
  std::latch held(hook.areas.world.database.options().connections_max);
  for (int i = 0; i < hook.areas.world.database.options().connections_max; ++i)
    holders.emplace_back([&] {
      hook.areas.world.database.transact([&](postgres::Transaction&) {
        held.count_down();
        until.wait();
      });
    });
  held.wait();
  const auto answer = http_server::talk(server.port(), request);
  CHECK(http_server::status_of(answer) == 503);
  CHECK(answer.find("Retry-After: ") != std::string::npos);
  CHECK(answer.find("\"busy\"") != std::string::npos);
  answered.set_value();
  for (auto& holder : holders)
    holder.join();
  CHECK(http_server::status_of(http_server::talk(server.port(), request)) == 202);
}
