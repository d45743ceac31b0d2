#include "tests/integration/front/areas.h"

#include <algorithm>

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

void add_schedule(Areas& areas, const std::string& name, const std::string& more = "") {
  areas.world.database.execute(
      "INSERT INTO ops.schedules (name, worker, operation, interval_seconds, next_due_at) VALUES ($1, "
      "'member-sync', 'sync-members', 900, now())",
      {postgres::value(name)});
  if (!more.empty())
    areas.world.database.execute("UPDATE ops.schedules SET " + more + " WHERE name = $1",
                                 {postgres::value(name)});
}

}  // namespace

TEST_CASE("Schedules are listed and shown by name or id, to operators alone") {
  Areas areas;
  CHECK(areas.walk("/api/v1/schedules", operator_token()).empty());
  for (const char* name : {"a", "b/c d", "e", "ü"})
    add_schedule(areas, name);
  int pages = 0;
  const auto all = areas.walk("/api/v1/schedules?limit=1", operator_token(), &pages);
  REQUIRE(all.size() == 4);
  CHECK(pages == 4);
  CHECK(all[1]["name"] == "b/c d");
  const auto by_name = areas.get("/api/v1/schedules/b%2Fc%20d", operator_token());
  REQUIRE(by_name.status == 200);
  CHECK(World::json(by_name)["upcoming"].size() == 5);
  CHECK(areas.get("/api/v1/schedules/" + all[1]["id"].get<std::string>(), operator_token()).body ==
        by_name.body);
  CHECK(areas.get("/api/v1/schedules/%C3%BC", operator_token()).status == 200);
  CHECK(code_of(areas.get("/api/v1/schedules/none", operator_token())) == "schedule_not_found");
  for (const char* wrong : {"%ff", "a%00"}) {
    CHECK(areas.get(std::string("/api/v1/schedules/") + wrong, operator_token()).status == 400);
  }
  CHECK(areas.get("/api/v1/schedules", token_of(admin)).status == 403);
}

TEST_CASE("A schedule is paused with a note, resumed and triggered; the second time changes nothing") {
  Areas areas;
  add_schedule(areas, "nightly");
  const std::string path = "/api/v1/schedules/nightly";
  const auto post = [&](const std::string& verb, const Json& body = nullptr) {
    return areas.ask("POST", path + "/" + verb, operator_token(), body);
  };
  const auto paused = post("pause", {{"note", "move of the tenant"}});
  REQUIRE(paused.status == 200);
  CHECK(World::json(paused)["state"] == "paused");
  CHECK(World::json(paused)["note"] == "move of the tenant");
  CHECK(World::json(paused)["paused_by"] == entra::tenant + "/" + stranger);
  CHECK(post("pause", {{"note", "move of the tenant"}}).body == paused.body);
  CHECK(World::json(post("resume"))["state"] == "active");
  CHECK(post("resume").status == 200);
  CHECK(areas.audited() == std::vector<std::string>{"schedule_paused", "schedule_resumed"});
  CHECK(post("trigger").status == 202);
  CHECK(post("trigger", {{"overlap", "skip"}}).status == 202);
  const auto requests =
      areas.world.database.query("SELECT kind, overlap, requested_by FROM ops.schedule_requests ORDER BY id");
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].text(1) == "allow_all");
  CHECK(requests[1].text(1) == "skip");
  CHECK(requests[1].text(2) == entra::tenant + "/" + stranger);
  CHECK(pointer_of(post("trigger", {{"overlap", "never"}})) == "/overlap");
  CHECK(pointer_of(post("pause", {{"note", "a\nb"}})) == "/note");
  CHECK(post("pause", {{"why", "x"}}).status == 400);
  add_schedule(areas, "over", "paused = true, next_due_at = 'infinity', nominal_due_at = now()");
  CHECK(code_of(areas.ask("POST", "/api/v1/schedules/over/resume", operator_token())) == "schedule_ended");
}

TEST_CASE("Workers are listed, paused and resumed") {
  Areas areas;
  areas.world.database.execute(
      "INSERT INTO ops.workers (worker, instance, lanes, seen_at) VALUES ('member-sync', 'a', 8, now()), "
      "('member-sync', 'b', 8, now() - interval '1 minute')");
  const auto kinds = areas.walk("/api/v1/workers", operator_token());
  const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                 [](const Json& one) { return one["worker"] == "member-sync"; });
  REQUIRE(kind != kinds.end());
  CHECK((*kind)["processes"][0]["living"] == true);
  CHECK((*kind)["processes"][1]["living"] == false);
  const std::string path = "/api/v1/workers/member-sync";
  const auto paused = areas.ask("POST", path + "/pause", operator_token(), {{"note", "n"}});
  CHECK(World::json(paused)["paused"] == true);
  CHECK(World::json(paused)["note"] == "n");
  CHECK(areas.ask("POST", path + "/pause", operator_token(), {{"note", "n"}}).status == 200);
  CHECK(World::json(areas.ask("POST", path + "/resume", operator_token()))["paused"] == false);
  CHECK(areas.ask("POST", path + "/resume", operator_token()).status == 200);
  CHECK(areas.audited() == std::vector<std::string>{"worker_paused", "worker_resumed"});
  CHECK(code_of(areas.ask("POST", "/api/v1/workers/none/pause", operator_token())) == "worker_unknown");
  CHECK(pointer_of(areas.ask("POST", "/api/v1/workers/No%20word/pause", operator_token())) == "worker");
  CHECK(areas.ask("POST", path + "/pause", token_of(admin)).status == 403);
}
