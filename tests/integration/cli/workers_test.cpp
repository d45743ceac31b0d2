#include "tests/integration/cli/shell.h"

/// Workers as the command line shows and pauses them.
using namespace rollcall;
using namespace rollcall::test;

namespace {

Json kind_named(const Json& list, const std::string& name) {
  for (const auto& kind : list)
    if (kind["worker"] == name) return kind;
  return nullptr;
}

std::vector<Json> audited(const Shell& rollcall) {
  std::vector<Json> events;
  for (const auto& row : rollcall.query(
           "SELECT m->>'payload' FROM ops.outbox, jsonb_array_elements(messages) AS m ORDER BY id"))
    events.push_back(Json::parse(row.text(0)));
  return events;
}

}  // namespace

TEST_CASE("Workers are listed by kind, with who lives and who was lost") {
  const Shell rollcall;
  const auto none = rollcall({"workers", "list"});
  CHECK(none.exit == 0);
  CHECK(none.out.find("member-sync\tnot running\t-") != std::string::npos);
  rollcall.query(
      "INSERT INTO ops.workers (worker, instance, version, lanes, busy, in_flight, seen_at) VALUES "
      "('member-sync', 'a', '1.2', 8, 3, 40, now()), ('member-sync', 'b', '1.2', 8, 0, 0, now() - interval "
      "'1 hour'), ('of-ones-own', 'c', '9', 1, 0, 0, now())");
  const Json list = rollcall.json({"workers", "list"});
  const Json kind = kind_named(list, "member-sync");
  REQUIRE(kind["processes"].size() == 2);
  CHECK(kind["paused"] == false);
  CHECK(kind["processes"][0]["instance"] == "a");
  CHECK(kind["processes"][0]["version"] == "1.2");
  CHECK(kind["processes"][0]["lanes"] == 8);
  CHECK(kind["processes"][0]["busy"] == 3);
  CHECK(kind["processes"][0]["in_flight"] == 40);
  CHECK(kind["processes"][1]["living"] == false);
  CHECK(kind["processes"][1]["seen_ms_ago"] >= 3'600'000);
  CHECK(kind_named(list, "of-ones-own")["processes"].size() == 1);
  const auto text = rollcall({"workers", "list"}).out;
  CHECK(text.find("member-sync\tlost\tb\t") != std::string::npos);
  CHECK(text.find("60 min") != std::string::npos);
}

TEST_CASE("A kind is paused and resumed once, and each change is audited") {
  const Shell rollcall;
  CHECK(rollcall.json({"workers", "resume", "member-sync"})["changed"] == false);
  CHECK(rollcall.json({"workers", "pause", "member-sync", "--note", "move"})["changed"] == true);
  CHECK(rollcall.json({"workers", "pause", "member-sync", "--note", "move"})["changed"] == false);
  CHECK(rollcall({"workers", "pause", "member-sync", "--note", "move"}).out.find("nothing changed") !=
        std::string::npos);
  const Json kind = kind_named(rollcall.json({"workers", "list"}), "member-sync");
  CHECK(kind["paused"] == true);
  CHECK(kind["note"] == "move");
  CHECK(kind["paused_by"] == "cli");
  CHECK(rollcall({"workers", "list"}).out.find("member-sync\tpaused\t") != std::string::npos);
  CHECK(rollcall.json({"workers", "pause", "member-sync", "--note", "longer"})["changed"] == true);
  CHECK(rollcall.json({"workers", "resume", "member-sync"})["changed"] == true);
  CHECK(rollcall.query("SELECT FROM ops.worker_pauses").empty());
  std::vector<std::string> actions;
  for (const auto& event : audited(rollcall)) {
    actions.push_back(event["action"]);
    CHECK(event["detail"]["worker"] == "member-sync");
    CHECK(event["actor"] == "cli");
    CHECK(event["tenant_id"] == "default");
  }
  CHECK(actions == std::vector<std::string>{"worker_paused", "worker_paused", "worker_resumed"});
}

TEST_CASE("A kind that there is not is refused, and named") {
  const Shell rollcall;
  for (const char* verb : {"pause", "resume"}) {
    const auto answer = rollcall({"workers", verb, "member-sink", "--json"});
    CHECK(answer.exit == 3);
    CHECK(answer.json()["error"]["code"] == "worker_unknown");
    CHECK(answer.json()["error"]["message"].get<std::string>().find("member-sink") != std::string::npos);
    const auto message = answer.json()["error"]["message"].get<std::string>();
    CHECK(message.find("member-sync", message.find("there are: ")) != std::string::npos);
  }
  CHECK(rollcall({"workers", "pause"}).exit == 2);
  CHECK(rollcall.query("SELECT FROM ops.worker_pauses").empty());
}
