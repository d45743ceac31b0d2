#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/runs/runs.h"
#include "tests/integration/member_sync/sweep_world.h"
#include "tests/support/catch.h"
#include "workers/member_sync/adapters/progress_store.h"
#include "workers/member_sync/handler.h"

#include <set>

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

/// Stands in for the loop: every checkpoint is granted.
struct Context final : worker::RunContext {
  explicit Context(postgres::Database& given) : database(given) {}
  void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                  std::vector<kafka::Message> publish) override {
    if (checkpoints++ == 0 && before_first) before_first();
    database.transact([&](postgres::Transaction& transaction) {
      write(transaction);
      runs::store_in_outbox(transaction, publish);
    });
    if (checkpoints == 1 && after_first) after_first();
  }
  void confirm() override {
    if (on_confirm) on_confirm();
  }
  void carry(Json) override {}
  void progress(long, long) override {}
  std::stop_token stop() const override { return {}; }

  postgres::Database& database;
  std::function<void()> before_first, after_first;  ///< the first stores mirror and plan
  std::function<void()> on_confirm;
  int checkpoints = 0;
};

/// One organization whose roster are the users 1 to 5; its group holds some three of the directory.
struct World : SweepWorld {
  Uuid org = organization(1);
  Handler handler{database, client, clock, {.tenant_id = "tenant"}};
  Context context{database};

  World() : SweepWorld(1) {
    for (int i = 1; i <= 5; ++i)
      database.execute(
          "INSERT INTO directory.members (organization_id, email, object_id) VALUES ($1, $2, $3)",
          {postgres::value(org), postgres::value("person" + std::to_string(i) + "@contoso.example"),
           postgres::value(user(i))});
    for (const auto& slot : sandbox_graph::find_group(state.directory, group(1))->slots)
      change("DELETE", slot.id);
  }
  void change(const std::string& method, const Uuid& member) {
    const std::string members = "/v1.0/groups/" + group(1).to_string() + "/members/";
    const bool add = method == "POST";
    const auto said = sandbox_graph::handle(
        {method,
         members + (add ? "" : member.to_string() + "/") + "$ref",
         {{"Host", "sandbox"}, {"Authorization", "Bearer t"}, {"Content-Type", "application/json"}},
         add ? dump(Json{{"@odata.id", "http://sandbox/v1.0/directoryObjects/" + member.to_string()}}) : ""},
        state, clock.wall());
    REQUIRE(said.status == 204);
  }
  /// A run of someone's that ended while it was adding `members`, of which none is on record.
  Uuid interrupted(const std::vector<int>& members, const std::string& run_state) {
    const Uuid run = crypto::new_uuid();
    database.execute(
        "INSERT INTO ops.runs (id, organization_id, worker, operation, state, caller_identity) VALUES ($1, "
        "$2, 'member-sync', 'sync-members', $3, 'someone')",
        {postgres::value(run), postgres::value(org), postgres::value(run_state)});
    Plan plan;
    for (const int member : members)
      plan.adds.push_back(user(member));
    database.transact([&](postgres::Transaction& transaction) {
      save_plan(transaction, {run, org, group(1), "digest", &plan, Json::object(), true});
    });
    return run;
  }
  worker::Outcome sync(const Uuid& id = crypto::new_uuid()) {
    worker::Run run;
    run.id = id;
    run.organization_id = org;
    run.tenant_id = "tenant";
    run.caller_identity = "me";
    run.parameters = Json::object();
    return handler.handle(run, context);
  }
  /// "actor member" of every audit event.
  std::multiset<std::string> audited() {
    std::multiset<std::string> found;
    for (const auto& row : database.query("SELECT messages FROM ops.outbox ORDER BY id"))
      for (const Json& message : row.json(0)) {
        const Json event = Json::parse(message.at("payload").get<std::string>());
        found.insert(event.at("actor").get<std::string>() + " " +
                     event.at("member_object_id").get<std::string>());
      }
    return found;
  }
  static std::string by(const char* actor, int member) {
    return std::string(actor) + " " + user(member).to_string();
  }
  long applying() {
    return database.query("SELECT count(*) FROM sync.plans WHERE document->'applying' = 'true'")
        .front()
        .number(0);
  }
};

}  // namespace

TEST_CASE("what a run did before it was cancelled, and did not live to tell, is audited as its doing") {
  for (const char* ended : {"cancelled", "failed"}) {
    World world;
    world.interrupted({2, 3, 4}, ended);
    for (const int member : {2, 3})
      world.change("POST", SweepWorld::user(member));
    CHECK(std::holds_alternative<worker::Done>(world.sync()));
    CHECK(world.audited() == std::multiset<std::string>{World::by("someone", 2), World::by("someone", 3),
                                                        World::by("me", 1), World::by("me", 4),
                                                        World::by("me", 5)});
    CHECK(world.applying() == 0);
  }
}

TEST_CASE("a run tried again by hand audits what it did before") {
  World world;
  const Uuid run = world.interrupted({2, 3}, "running");
  world.change("POST", SweepWorld::user(2));
  CHECK(std::holds_alternative<worker::Done>(world.sync(run)));
  CHECK(world.audited() == std::multiset<std::string>{World::by("someone", 2), World::by("me", 1),
                                                      World::by("me", 3), World::by("me", 4),
                                                      World::by("me", 5)});
}

TEST_CASE("a change of a cancelled run that shows only after the reading is audited once all the same") {
  World world;
  world.interrupted({2, 3}, "cancelled");
  world.context.after_first = [&] { world.change("POST", SweepWorld::user(2)); };
  CHECK(std::holds_alternative<worker::Done>(world.sync()));
  CHECK(world.audited().size() == 5);
}

TEST_CASE("nothing is put on record by a reading that another run may have made stale") {
  World world;
  world.interrupted({2}, "cancelled");
  world.change("POST", SweepWorld::user(2));
  world.context.before_first = [&] { world.interrupted({3}, "cancelled"); };
  CHECK(std::holds_alternative<worker::WaitUntil>(world.sync()));
  CHECK(world.audited().empty());
  CHECK(world.applying() == 2);
}

TEST_CASE("a run whose claim was lost while it waited for the quota changes nothing") {
  World world;
  int asked = 0;
  const long before = world.state.stats.writes;
  world.context.on_confirm = [&] {
    ++asked;
    throw Error(Fault::conflict, "claim_lost", "another worker's");
  };
  CHECK_THROWS_AS(world.sync(), Error);
  CHECK(asked == 1);
  CHECK(world.state.stats.writes == before);
}

TEST_CASE("a plan for a group that is no longer linked is closed without a word about members") {
  World world;
  world.interrupted({2}, "failed");
  world.database.execute("UPDATE sync.plans SET group_id = gen_random_uuid()", {});
  world.change("POST", SweepWorld::user(2));
  CHECK(std::holds_alternative<worker::Done>(world.sync()));
  CHECK(world.audited().size() == 4);
  CHECK(world.applying() == 0);
}
